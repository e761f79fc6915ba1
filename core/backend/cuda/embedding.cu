// SPDX-License-Identifier: Apache-2.0
// y = dropout(LayerNorm(word[token] + position[position] + segment[segment])) and its backward.
// Bound by bytes: three table rows of f32 in, normalised and y out.
#include "core/backend/cuda/cuda_checks.h"
#include "core/backend/cuda/cuda_layer_ops.h"
#include "core/backend/cuda/element_types.cuh"
#include "core/backend/cuda/norm_backward.cuh"
#include "core/backend/cuda/norm_forward.cuh"

namespace bertyard {
namespace {

struct EmbeddedRows {
  const float *word, *position, *segment;
  const std::int32_t *token_index, *position_index, *segment_index;
  int columns;
  Access access;

  __device__ void load(float (&z)[kGroup], std::int64_t row, int group, int present) const {
    float b[kGroup], c[kGroup];
    const auto at = [&](const float* table, const std::int32_t* index) {
      return table + static_cast<std::int64_t>(index[row]) * columns + group * kGroup;
    };
    load_group(z, at(word, token_index), present, access);
    load_group(b, at(position, position_index), present, access);
    load_group(c, at(segment, segment_index), present, access);
#pragma unroll
    for (int i = 0; i < kGroup; ++i) z[i] += b[i] + c[i];
  }
};

void check_tables(std::string_view operation, const EmbeddingIndices& indices,
                  const EmbeddingTables& tables, const Shape& shape) {
  const auto check = [&](std::string_view name, const ConstTensorView& table,
                         const ConstTensorView& index) {
    check_rank({operation, name}, table, 2);
    check_f32({operation, name}, table, {table.rows(), shape[1]});
    check_index({operation, name}, index, shape[0]);
  };
  check("word table or token", tables.word, indices.token);
  check("position table or position", tables.position, indices.position);
  check("segment table or segment", tables.segment, indices.segment);
}

}  // namespace

void CudaLayerOps::embedding(TensorView y, const NormSaved& saved, const EmbeddingIndices& indices,
                             const EmbeddingTables& tables, const NormParameters& norm,
                             const Dropout& dropout) {
  check_rank({"embedding", "y"}, y, 2);
  const Shape shape = y.shape();
  check_activations({"embedding", "y"}, y, y.dtype(), shape);
  check_tables("embedding", indices, tables, shape);
  check_norm_tensors("embedding", norm, saved, y.dtype(), shape);
  const DropoutDraws draws = dropout_draws("embedding", dropout, shape[0]);
  const Access access =
      access_of(shape[1], tables.word.data(), tables.position.data(), tables.segment.data(),
                y.data(), saved.normalised.data(), norm.gamma.data(), norm.beta.data());
  const auto columns = static_cast<int>(shape[1]);
  const EmbeddedRows source{tables.word.as<float>(),
                            tables.position.as<float>(),
                            tables.segment.as<float>(),
                            indices.token.as<std::int32_t>(),
                            indices.position.as<std::int32_t>(),
                            indices.segment.as<std::int32_t>(),
                            columns,
                            access};
  for_element_type(y.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::Type;
    launch_norm("embedding", source,
                NormOutput<T>{static_cast<T*>(y.data()), static_cast<T*>(saved.normalised.data()),
                              saved.rstd.as<float>(), norm.gamma.as<float>(), norm.beta.as<float>(),
                              shape[0], columns, static_cast<float>(norm.epsilon), draws, access},
                stream_);
  });
}

void CudaLayerOps::embedding_backward(const EmbeddingGradients& gradients,
                                      const NormGradients& dnorm, TensorView scratch,
                                      const EmbeddingBackward& input) {
  constexpr std::string_view kOperation = "embedding_backward";
  check_rank({kOperation, "dy"}, input.dy, 2);
  const Shape shape = input.dy.shape();
  const DType type = input.dy.dtype();
  check_activations({kOperation, "dy"}, input.dy, type, shape);
  check_activations({kOperation, "scratch"}, scratch, type, shape);
  check_tables(kOperation, input.indices, {gradients.word, gradients.position, gradients.segment},
               shape);
  check_norm_tensors(kOperation, input.norm, input.saved, type, shape);
  check_norm_gradient_tensors(kOperation, dnorm, shape[1]);
  const DropoutDraws draws = dropout_draws(kOperation, input.dropout, shape[0]);
  float* partials = workspace_.partials(kOperation, row_blocks(shape[0]) * 2 * shape[1]);
  for_element_type(type, [&](auto tag) {
    using T = typename decltype(tag)::Type;
    launch_norm_backward(
        "embedding_backward",
        NormBackward<T>{static_cast<T*>(scratch.data()), nullptr,
                        static_cast<const T*>(input.dy.data()),
                        static_cast<const T*>(input.saved.normalised.data()),
                        input.saved.rstd.as<float>(), input.norm.gamma.as<float>(), partials,
                        shape[0], static_cast<int>(shape[1]), DropoutDraws(), draws,
                        access_of(shape[1], scratch.data(), input.dy.data(),
                                  input.saved.normalised.data(), input.norm.gamma.data())},
        {.first = dnorm.dgamma.as<float>(),
         .second = dnorm.dbeta.as<float>(),
         .partials = partials,
         .blocks = row_blocks(shape[0]),
         .columns = shape[1],
         .stream = stream_});
  });
  scatter(gradients.word, scratch, input.indices.token);
  scatter(gradients.position, scratch, input.indices.position);
  scatter(gradients.segment, scratch, input.indices.segment);
}

}  // namespace bertyard
