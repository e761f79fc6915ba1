// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>

#include "core/backend/cpu/cpu_layer_ops.h"
#include "core/backend/cpu/norm_rows.h"
#include "core/backend/cpu/tensor_checks.h"

namespace bertyard {

void check_norm(std::string_view operation, const NormParameters& norm, const NormSaved& saved,
                DType type, const Shape& shape) {
  check_f32({operation, "gamma"}, norm.gamma, {shape[1]});
  check_f32({operation, "beta"}, norm.beta, {shape[1]});
  check_activation({operation, "normalised"}, saved.normalised, type, shape);
  check_f32({operation, "rstd"}, saved.rstd, {shape[0]});
}

void CpuLayerOps::add_norm(TensorView y, const NormSaved& saved, ConstTensorView x,
                           ConstTensorView residual, const NormParameters& norm,
                           const Dropout& dropout) {
  check_rank({"add_norm", "x"}, x, 2);
  const Shape shape = x.shape();
  const DType type = x.dtype();
  check_activation({"add_norm", "x"}, x, type, shape);
  check_activation({"add_norm", "y"}, y, type, shape);
  check_optional_activation({"add_norm", "residual"}, residual, type, shape);
  check_norm("add_norm", norm, saved, type, shape);
  const DropoutRows decisions("add_norm", dropout, shape[0]);
  const std::int64_t columns = shape[1];
  const FloatRows in(kernels_.cast, x);
  const FloatRows added(kernels_.cast, residual);
  const WritableFloatRows normalised(kernels_.cast, saved.normalised);
  const WritableFloatRows out(kernels_.cast, y);
  const RowScratch scratch = workspace_.rows("add_norm", x);
  const auto epsilon = static_cast<float>(norm.epsilon);
#pragma omp parallel for num_threads(threads_) schedule(static)
  for (std::int64_t r = 0; r < shape[0]; ++r) {
    float* z = normalised.row(r, scratch.row(2));
    float* row = out.row(r, scratch.row(3));
    kernels_.norm.dropout_add(z, in.read(r, scratch.row(0)), added.read(r, scratch.row(1)), columns,
                              decisions.row(r));
    saved.rstd.as<float>()[r] = kernels_.norm.normalise(row, z, norm.gamma.as<float>(),
                                                        norm.beta.as<float>(), columns, epsilon);
    normalised.finish(r, z);
    out.finish(r, row);
  }
}

// One block of rows; its sums for dgamma and dbeta go to partials [2, H].
void CpuLayerOps::norm_backward_block(const NormBackwardRows& rows, std::int64_t block,
                                      float* partials) {
  std::memset(partials, 0, static_cast<std::size_t>(2 * rows.columns) * sizeof(float));
  const std::int64_t first = block * Workspace::kRowBlock;
  const std::int64_t end = std::min(first + Workspace::kRowBlock, rows.rows);
  for (std::int64_t r = first; r < end; ++r) norm_backward_row(rows, r, partials);
}

void CpuLayerOps::norm_backward_row(const NormBackwardRows& rows, std::int64_t r, float* partials) {
  float* dx = rows.dx.row(r, rows.scratch.row(2));
  float* dresidual = rows.dresidual.row(r, rows.scratch.row(3));
  const float* dy = rows.dy.read(r, rows.scratch.row(0));
  if (rows.output_dropout != nullptr) {
    kernels_.norm.dropout_add(dx, dy, nullptr, rows.columns, rows.output_dropout->row(r));
    dy = dx;
  }
  const NormGradientRow row = {.dresidual = dresidual,
                               .dx = dx,
                               .dgamma = partials,
                               .dbeta = partials + rows.columns,
                               .dy = dy,
                               .normalised = rows.normalised.read(r, rows.scratch.row(1)),
                               .gamma = rows.gamma,
                               .rstd = rows.rstd[r]};
  const DropoutRow identity;
  kernels_.norm.norm_gradient(
      row, rows.columns, rows.input_dropout == nullptr ? identity : rows.input_dropout->row(r));
  rows.dresidual.finish(r, dresidual);
  rows.dx.finish(r, dx);
}

void CpuLayerOps::norm_backward(const NormBackwardRows& rows, const NormGradients& dnorm) {
  const std::int64_t blocks = (rows.rows + Workspace::kRowBlock - 1) / Workspace::kRowBlock;
  const std::int64_t stride = 2 * rows.columns;
  float* partials = workspace_.row_partials(rows.operation, rows.rows, rows.columns);
#pragma omp parallel for num_threads(threads_) schedule(static)
  for (std::int64_t block = 0; block < blocks; ++block) {
    norm_backward_block(rows, block, partials + block * stride);
  }
  for (std::int64_t block = 0; block < blocks; ++block) {
    const float* partial = partials + block * stride;
    kernels_.activation.add(dnorm.dgamma.as<float>(), partial, rows.columns);
    kernels_.activation.add(dnorm.dbeta.as<float>(), partial + rows.columns, rows.columns);
  }
}

void CpuLayerOps::add_norm_backward(TensorView dx, TensorView dresidual, const NormGradients& dnorm,
                                    ConstTensorView dy, const NormParameters& norm,
                                    const NormSaved& saved, const Dropout& dropout) {
  check_rank({"add_norm_backward", "dy"}, dy, 2);
  const Shape shape = dy.shape();
  const DType type = dy.dtype();
  check_activation({"add_norm_backward", "dy"}, dy, type, shape);
  check_activation({"add_norm_backward", "dx"}, dx, type, shape);
  check_optional_activation({"add_norm_backward", "dresidual"}, dresidual, type, shape);
  check_norm("add_norm_backward", norm, saved, type, shape);
  check_norm_gradients("add_norm_backward", dnorm, shape[1]);
  const DropoutRows decisions("add_norm_backward", dropout, shape[0]);
  norm_backward({.operation = "add_norm_backward",
                 .rows = shape[0],
                 .columns = shape[1],
                 .dx = WritableFloatRows(kernels_.cast, dx),
                 .dresidual = WritableFloatRows(kernels_.cast, dresidual),
                 .dy = FloatRows(kernels_.cast, dy),
                 .normalised = FloatRows(kernels_.cast, saved.normalised),
                 .scratch = workspace_.rows("add_norm_backward", dy),
                 .rstd = saved.rstd.as<float>(),
                 .gamma = norm.gamma.as<float>(),
                 .input_dropout = &decisions},
                dnorm);
}

void check_norm_gradients(std::string_view operation, const NormGradients& dnorm,
                          std::int64_t columns) {
  check_f32({operation, "dgamma"}, dnorm.dgamma, {columns});
  check_f32({operation, "dbeta"}, dnorm.dbeta, {columns});
}

}  // namespace bertyard
