// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>

#include "core/backend/cpu/cpu_layer_ops.h"
#include "core/backend/cpu/norm_rows.h"
#include "core/backend/cpu/tensor_checks.h"

namespace bertyard {

void check_norm(std::string_view operation, const NormParameters& norm, const NormSaved& saved,
                const Shape& shape) {
  check_f32({operation, "gamma"}, norm.gamma, {shape[1]});
  check_f32({operation, "beta"}, norm.beta, {shape[1]});
  check_f32({operation, "normalised"}, saved.normalised, shape);
  check_f32({operation, "rstd"}, saved.rstd, {shape[0]});
}

void CpuLayerOps::add_norm(TensorView y, const NormSaved& saved, ConstTensorView x,
                           ConstTensorView residual, const NormParameters& norm,
                           const Dropout& dropout) {
  check_rank({"add_norm", "x"}, x, 2);
  const Shape shape = x.shape();
  check_f32({"add_norm", "x"}, x, shape);
  check_f32({"add_norm", "y"}, y, shape);
  check_optional_f32({"add_norm", "residual"}, residual, shape);
  check_norm("add_norm", norm, saved, shape);
  const DropoutRows decisions("add_norm", dropout, shape[0]);
  const std::int64_t columns = shape[1];
  const auto* in = x.as<float>();
  const auto* added = residual.present() ? residual.as<float>() : nullptr;
  const auto epsilon = static_cast<float>(norm.epsilon);
#pragma omp parallel for num_threads(threads_) schedule(static)
  for (std::int64_t r = 0; r < shape[0]; ++r) {
    const std::int64_t at = r * columns;
    float* z = saved.normalised.as<float>() + at;
    kernels_.norm.dropout_add(z, in + at, added == nullptr ? nullptr : added + at, columns,
                              decisions.row(r));
    saved.rstd.as<float>()[r] = kernels_.norm.normalise(
        y.as<float>() + at, z, norm.gamma.as<float>(), norm.beta.as<float>(), columns, epsilon);
  }
}

// One block of rows; its sums for dgamma and dbeta go to partials [2, H].
void CpuLayerOps::norm_backward_block(const NormBackwardRows& rows, std::int64_t block,
                                      float* partials) {
  std::memset(partials, 0, static_cast<std::size_t>(2 * rows.columns) * sizeof(float));
  const std::int64_t first = block * Workspace::kRowBlock;
  const std::int64_t end = std::min(first + Workspace::kRowBlock, rows.rows);
  for (std::int64_t r = first; r < end; ++r) {
    const std::int64_t at = r * rows.columns;
    const float* dy = rows.dy + at;
    if (rows.output_dropout != nullptr) {
      kernels_.norm.dropout_add(rows.dx + at, dy, nullptr, rows.columns,
                                rows.output_dropout->row(r));
      dy = rows.dx + at;
    }
    const NormGradientRow row = {
        .dresidual = rows.dresidual == nullptr ? nullptr : rows.dresidual + at,
        .dx = rows.dx + at,
        .dgamma = partials,
        .dbeta = partials + rows.columns,
        .dy = dy,
        .normalised = rows.normalised + at,
        .gamma = rows.gamma,
        .rstd = rows.rstd[r]};
    const DropoutRow identity;
    kernels_.norm.norm_gradient(
        row, rows.columns, rows.input_dropout == nullptr ? identity : rows.input_dropout->row(r));
  }
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
  check_f32({"add_norm_backward", "dy"}, dy, shape);
  check_f32({"add_norm_backward", "dx"}, dx, shape);
  check_optional_f32({"add_norm_backward", "dresidual"}, dresidual, shape);
  check_norm("add_norm_backward", norm, saved, shape);
  check_norm_gradients("add_norm_backward", dnorm, shape[1]);
  const DropoutRows decisions("add_norm_backward", dropout, shape[0]);
  norm_backward({.operation = "add_norm_backward",
                 .rows = shape[0],
                 .columns = shape[1],
                 .dx = dx.as<float>(),
                 .dresidual = dresidual.present() ? dresidual.as<float>() : nullptr,
                 .dy = dy.as<float>(),
                 .normalised = saved.normalised.as<float>(),
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
