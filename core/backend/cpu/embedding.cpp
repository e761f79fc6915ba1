// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>

#include "core/backend/cpu/cpu_layer_ops.h"
#include "core/backend/cpu/norm_rows.h"
#include "core/backend/cpu/tensor_checks.h"

namespace bertyard {
namespace {

// Runs of elements of a tensor as floats: in place in f32, by way of a buffer in bf16.
class ElementRange {
 public:
  ElementRange(const CastKernels& cast, const ConstTensorView& view)
      : cast_(cast), data_(const_cast<void*>(view.data())), narrow_(view.dtype() == DType::bf16) {}

  float* at(std::int64_t first, std::int64_t count, float* buffer) const {
    if (!narrow_) return static_cast<float*>(data_) + first;
    cast_.widen(buffer, static_cast<const BFloatBits*>(data_) + first, count);
    return buffer;
  }
  void put(std::int64_t first, std::int64_t count, const float* values) const {
    if (narrow_) cast_.narrow(static_cast<BFloatBits*>(data_) + first, values, count);
  }

 private:
  const CastKernels& cast_;
  void* data_;
  bool narrow_;
};

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
  check_activation({"embedding", "y"}, y, y.dtype(), shape);
  check_tables("embedding", indices, tables, shape);
  check_norm("embedding", norm, saved, y.dtype(), shape);
  const DropoutRows decisions("embedding", dropout, shape[0]);
  const std::int64_t columns = shape[1];
  const auto epsilon = static_cast<float>(norm.epsilon);
  const auto row_of = [columns](const ConstTensorView& table, const ConstTensorView& index,
                                std::int64_t token) {
    return table.as<float>() + index.as<std::int32_t>()[token] * columns;
  };
  const WritableFloatRows normalised(kernels_.cast, saved.normalised);
  const WritableFloatRows rows(kernels_.cast, y);
  const RowScratch scratch = workspace_.rows("embedding", y);
#pragma omp parallel for num_threads(threads_) schedule(static)
  for (std::int64_t t = 0; t < shape[0]; ++t) {
    float* z = normalised.row(t, scratch.row(0));
    float* out = rows.row(t, scratch.row(1));
    kernels_.norm.add_three(z, row_of(tables.word, indices.token, t),
                            row_of(tables.position, indices.position, t),
                            row_of(tables.segment, indices.segment, t), columns);
    saved.rstd.as<float>()[t] = kernels_.norm.normalise(out, z, norm.gamma.as<float>(),
                                                        norm.beta.as<float>(), columns, epsilon);
    if (decisions.active()) {
      kernels_.norm.dropout_add(out, out, nullptr, columns, decisions.row(t));
    }
    normalised.finish(t, z);
    rows.finish(t, out);
  }
}

void CpuLayerOps::embedding_backward(const EmbeddingGradients& gradients,
                                     const NormGradients& dnorm, TensorView scratch,
                                     const EmbeddingBackward& input) {
  check_rank({"embedding_backward", "dy"}, input.dy, 2);
  const Shape shape = input.dy.shape();
  const DType type = input.dy.dtype();
  check_activation({"embedding_backward", "dy"}, input.dy, type, shape);
  check_activation({"embedding_backward", "scratch"}, scratch, type, shape);
  check_tables("embedding_backward", input.indices,
               {gradients.word, gradients.position, gradients.segment}, shape);
  check_norm("embedding_backward", input.norm, input.saved, type, shape);
  check_norm_gradients("embedding_backward", dnorm, shape[1]);
  const DropoutRows decisions("embedding_backward", input.dropout, shape[0]);
  norm_backward({.operation = "embedding_backward",
                 .rows = shape[0],
                 .columns = shape[1],
                 .dx = WritableFloatRows(kernels_.cast, scratch),
                 .dresidual = WritableFloatRows(kernels_.cast, {}),
                 .dy = FloatRows(kernels_.cast, input.dy),
                 .normalised = FloatRows(kernels_.cast, input.saved.normalised),
                 .scratch = workspace_.rows("embedding_backward", input.dy),
                 .rstd = input.saved.rstd.as<float>(),
                 .gamma = input.norm.gamma.as<float>(),
                 .output_dropout = decisions.active() ? &decisions : nullptr},
                dnorm);
  const auto add_to = [&](const TensorView& table, const ConstTensorView& index) {
    scatter(table, scratch, index.as<std::int32_t>());
  };
  add_to(gradients.word, input.indices.token);
  add_to(gradients.position, input.indices.position);
  add_to(gradients.segment, input.indices.segment);
}

void CpuLayerOps::scatter(TensorView table, ConstTensorView x, const std::int32_t* index) {
  constexpr std::int64_t kStrip = 64;
  const std::int64_t rows = x.rows();
  const std::int64_t columns = x.shape()[1];
  const ElementRange to(kernels_.cast, table);
  const ElementRange from(kernels_.cast, x);
#pragma omp parallel for num_threads(threads_) schedule(static)
  for (std::int64_t first = 0; first < columns; first += kStrip) {
    const std::int64_t count = std::min(kStrip, columns - first);
    float sums[kStrip];
    float added[kStrip];
    for (std::int64_t t = 0; t < rows; ++t) {
      const std::int64_t place = index[t] * columns + first;
      float* sum = to.at(place, count, sums);
      kernels_.activation.add(sum, from.at(t * columns + first, count, added), count);
      to.put(place, count, sum);
    }
  }
}

void CpuLayerOps::gather_rows(TensorView y, ConstTensorView x, ConstTensorView rows) {
  check_rank({"gather_rows", "x"}, x, 2);
  check_rank({"gather_rows", "y"}, y, 2);
  const std::int64_t columns = x.shape()[1];
  const std::int64_t count = y.rows();
  check_activation({"gather_rows", "x"}, x, x.dtype(), x.shape());
  check_activation({"gather_rows", "y"}, y, x.dtype(), {count, columns});
  check_indices({"gather_rows", "rows"}, rows, count, x.rows());
  const auto* index = rows.as<std::int32_t>();
  const std::size_t bytes = static_cast<std::size_t>(columns) * size_of(x.dtype());
  const auto* from = static_cast<const std::byte*>(x.data());
  auto* to = static_cast<std::byte*>(y.data());
#pragma omp parallel for num_threads(threads_) schedule(static)
  for (std::int64_t i = 0; i < count; ++i) {
    std::memcpy(to + static_cast<std::size_t>(i) * bytes,
                from + static_cast<std::size_t>(index[i]) * bytes, bytes);
  }
}

void CpuLayerOps::scatter_add_rows(TensorView dx, ConstTensorView dy, ConstTensorView rows) {
  check_rank({"scatter_add_rows", "dx"}, dx, 2);
  check_rank({"scatter_add_rows", "dy"}, dy, 2);
  const std::int64_t columns = dx.shape()[1];
  check_activation({"scatter_add_rows", "dx"}, dx, dx.dtype(), dx.shape());
  check_activation({"scatter_add_rows", "dy"}, dy, dx.dtype(), {dy.rows(), columns});
  check_indices({"scatter_add_rows", "rows"}, rows, dy.rows(), dx.rows());
  scatter(dx, dy, rows.as<std::int32_t>());
}

}  // namespace bertyard
