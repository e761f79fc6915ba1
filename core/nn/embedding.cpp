// SPDX-License-Identifier: Apache-2.0
#include "core/nn/embedding.h"

namespace bertyard {

Embedding::Embedding(const ModelConfig& config, ParameterStore& parameters)
    : hidden_(config.hidden),
      dropout_(config.dropout),
      norm_(parameters, "bert.embeddings.LayerNorm", config.hidden, config.norm_epsilon) {
  const auto table = [&](const char* name, std::int64_t rows) {
    return parameters.add(std::string("bert.embeddings.") + name + ".weight", {rows, config.hidden},
                          WeightDecay::yes);
  };
  segment_ = table("token_type_embeddings", config.segments);
  position_ = table("position_embeddings", config.max_positions);
  word_ = table("word_embeddings", config.vocab_size);
}

void Embedding::plan(ArenaPlan& plan, const Capacities& capacities) {
  saved_ = NormSlots::plan(plan, capacities.activations, {capacities.tokens, hidden_});
}

Dropout Embedding::dropout(const Pass& pass) const {
  return pass.dropout(dropout_, 0, DropoutSite::embedding);
}

void Embedding::forward(const Pass& pass, const Arena& arena, TensorView y) const {
  const EmbeddingTables tables{pass.parameters.value(word_), pass.parameters.value(position_),
                               pass.parameters.value(segment_)};
  pass.ops.embedding(y, saved_.views(arena, y.rows()), pass.input.indices, tables,
                     norm_.values(pass), dropout(pass));
}

void Embedding::backward(const Pass& pass, const Arena& arena, TensorView scratch,
                         ConstTensorView dy) const {
  const EmbeddingGradients gradients{pass.parameters.gradient(word_),
                                     pass.parameters.gradient(position_),
                                     pass.parameters.gradient(segment_)};
  pass.ops.embedding_backward(gradients, norm_.gradients(pass), scratch,
                              {.indices = pass.input.indices,
                               .dy = dy,
                               .norm = norm_.values(pass),
                               .saved = saved_.views(arena, dy.rows()),
                               .dropout = dropout(pass)});
}

}  // namespace bertyard
