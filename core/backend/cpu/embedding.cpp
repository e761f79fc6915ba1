// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>

#include "core/backend/cpu/cpu_layer_ops.h"
#include "core/backend/cpu/norm_rows.h"
#include "core/backend/cpu/tensor_checks.h"

namespace bertyard {
namespace {

struct Table {
  Argument table;
  Argument index;
};

void check_table(const Table& names, const ConstTensorView& table, const ConstTensorView& index,
                 const Shape& shape) {
  check_rank(names.table, table, 2);
  check_f32(names.table, table, {table.rows(), shape[1]});
  check_indices(names.index, index, shape[0], table.rows());
}

void check_tables(std::string_view operation, const EmbeddingIndices& indices,
                  const EmbeddingTables& tables, const Shape& shape) {
  check_table({{operation, "word table"}, {operation, "token"}}, tables.word, indices.token, shape);
  check_table({{operation, "position table"}, {operation, "position"}}, tables.position,
              indices.position, shape);
  check_table({{operation, "segment table"}, {operation, "segment"}}, tables.segment,
              indices.segment, shape);
}

}  // namespace

void CpuLayerOps::embedding(TensorView y, const NormSaved& saved, const EmbeddingIndices& indices,
                            const EmbeddingTables& tables, const NormParameters& norm,
                            const Dropout& dropout) {
  check_rank({"embedding", "y"}, y, 2);
  const Shape shape = y.shape();
  check_f32({"embedding", "y"}, y, shape);
  check_tables("embedding", indices, tables, shape);
  check_norm("embedding", norm, saved, shape);
  const DropoutRows decisions("embedding", dropout, shape[0]);
  const std::int64_t columns = shape[1];
  const auto epsilon = static_cast<float>(norm.epsilon);
  const auto row_of = [columns](const ConstTensorView& table, const ConstTensorView& index,
                                std::int64_t token) {
    return table.as<float>() + index.as<std::int32_t>()[token] * columns;
  };
#pragma omp parallel for num_threads(threads_) schedule(static)
  for (std::int64_t t = 0; t < shape[0]; ++t) {
    float* z = saved.normalised.as<float>() + t * columns;
    float* out = y.as<float>() + t * columns;
    kernels_.norm.add_three(z, row_of(tables.word, indices.token, t),
                            row_of(tables.position, indices.position, t),
                            row_of(tables.segment, indices.segment, t), columns);
    saved.rstd.as<float>()[t] = kernels_.norm.normalise(out, z, norm.gamma.as<float>(),
                                                        norm.beta.as<float>(), columns, epsilon);
    if (decisions.active()) {
      kernels_.norm.dropout_add(out, out, nullptr, columns, decisions.row(t));
    }
  }
}

void CpuLayerOps::embedding_backward(const EmbeddingGradients& gradients,
                                     const NormGradients& dnorm, TensorView scratch,
                                     const EmbeddingBackward& input) {
  check_rank({"embedding_backward", "dy"}, input.dy, 2);
  const Shape shape = input.dy.shape();
  check_f32({"embedding_backward", "dy"}, input.dy, shape);
  check_f32({"embedding_backward", "scratch"}, scratch, shape);
  check_tables("embedding_backward", input.indices,
               {gradients.word, gradients.position, gradients.segment}, shape);
  check_norm("embedding_backward", input.norm, input.saved, shape);
  check_norm_gradients("embedding_backward", dnorm, shape[1]);
  const DropoutRows decisions("embedding_backward", input.dropout, shape[0]);
  norm_backward({.operation = "embedding_backward",
                 .rows = shape[0],
                 .columns = shape[1],
                 .dx = scratch.as<float>(),
                 .dy = input.dy.as<float>(),
                 .normalised = input.saved.normalised.as<float>(),
                 .rstd = input.saved.rstd.as<float>(),
                 .gamma = input.norm.gamma.as<float>(),
                 .output_dropout = decisions.active() ? &decisions : nullptr},
                dnorm);
  const auto add_to = [&](const TensorView& table, const ConstTensorView& index) {
    scatter(table.as<float>(), scratch.as<float>(), index.as<std::int32_t>(), shape[0], shape[1]);
  };
  add_to(gradients.word, input.indices.token);
  add_to(gradients.position, input.indices.position);
  add_to(gradients.segment, input.indices.segment);
}

void CpuLayerOps::scatter(float* table, const float* x, const std::int32_t* index,
                          std::int64_t rows, std::int64_t columns) {
  constexpr std::int64_t kStrip = 64;
#pragma omp parallel for num_threads(threads_) schedule(static)
  for (std::int64_t first = 0; first < columns; first += kStrip) {
    const std::int64_t count = std::min(kStrip, columns - first);
    for (std::int64_t t = 0; t < rows; ++t) {
      kernels_.activation.add(table + index[t] * columns + first, x + t * columns + first, count);
    }
  }
}

void CpuLayerOps::gather_rows(TensorView y, ConstTensorView x, ConstTensorView rows) {
  check_rank({"gather_rows", "x"}, x, 2);
  check_rank({"gather_rows", "y"}, y, 2);
  const std::int64_t columns = x.shape()[1];
  const std::int64_t count = y.rows();
  check_f32({"gather_rows", "x"}, x, x.shape());
  check_f32({"gather_rows", "y"}, y, {count, columns});
  check_indices({"gather_rows", "rows"}, rows, count, x.rows());
  const auto* index = rows.as<std::int32_t>();
  const auto bytes = static_cast<std::size_t>(columns) * sizeof(float);
#pragma omp parallel for num_threads(threads_) schedule(static)
  for (std::int64_t i = 0; i < count; ++i) {
    std::memcpy(y.as<float>() + i * columns, x.as<float>() + index[i] * columns, bytes);
  }
}

void CpuLayerOps::scatter_add_rows(TensorView dx, ConstTensorView dy, ConstTensorView rows) {
  check_rank({"scatter_add_rows", "dx"}, dx, 2);
  check_rank({"scatter_add_rows", "dy"}, dy, 2);
  const std::int64_t columns = dx.shape()[1];
  check_f32({"scatter_add_rows", "dx"}, dx, dx.shape());
  check_f32({"scatter_add_rows", "dy"}, dy, {dy.rows(), columns});
  check_indices({"scatter_add_rows", "rows"}, rows, dy.rows(), dx.rows());
  scatter(dx.as<float>(), dy.as<float>(), rows.as<std::int32_t>(), dy.rows(), columns);
}

}  // namespace bertyard
