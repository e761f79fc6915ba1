// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "core/backend/layer_ops.h"
#include "core/backend/loss_ops.h"
#include "core/backend/recurrent_ops.h"
#include "core/base/spans.h"
#include "core/nn/parameters.h"
#include "core/nn/recompute.h"
#include "core/tensor/tensor_view.h"

namespace bertyard {

// One micro-batch in device memory: N sequences of T tokens in all, without padding, M of them
// masked.
struct PackedInput {
  EmbeddingIndices indices;         // i32 [T] each
  PackedSequences packing;          // offsets i32 [N + 1]
  ConstTensorView sample;           // u64 [T], global sample index, keys the dropout
  ConstTensorView masked_rows;      // i32 [M], rows of [T, H], or [2 T, H]: ElmoModel
  ConstTensorView masked_labels;    // i32 [M]
  ConstTensorView last_rows;        // i32 [N], of each sequence's last token; downstream tasks
  ConstTensorView sentence_labels;  // i32 [N], 0: B follows A, 1: random; absent without NSP
  ConstTensorView task_labels;      // i32 [N] classes or [N, 2] ends of spans; downstream tasks
  ConstTensorView task_values;      // f32 [N], of a regression

  std::int64_t tokens() const { return indices.token.rows(); }
  std::int64_t sequences() const { return packing.offsets.rows() - 1; }
  std::int64_t masked() const { return masked_rows.rows(); }
  // Row of each sequence's first token, [CLS].   i32 [N]
  ConstTensorView first_rows() const { return packing.offsets.slice(0, sequences()); }
};

// Largest sizes of a micro-batch, the type of its activations, and which of them training keeps:
// what memory is planned for.
struct Capacities {
  std::int64_t tokens = 0;
  std::int64_t sequences = 0;
  std::int64_t masked = 0;
  std::int64_t max_length = 0;
  DType activations = DType::f32;  // and their gradients; parameters are f32 always
  Recompute recompute = Recompute::none;
};

// Training keeps what the backward needs and applies dropout; evaluation does neither.
enum class Mode { training, evaluation };

// What every layer's forward and backward is given beside its own tensors.
struct Pass {
  LayerOps& ops;
  const ParameterStore& parameters;
  const PackedInput& input;
  Mode mode = Mode::training;
  std::uint64_t dropout_seed = 0;
  LossOps* losses = nullptr;          // of downstream tasks; their heads and LSTMs need it
  RecurrentOps* recurrent = nullptr;  // LSTMs need it
  SpanListener* spans = nullptr;      // hears of layers and heads

  Dropout dropout(double probability, std::int64_t layer, DropoutSite site) const {
    if (mode == Mode::evaluation) return {};
    return {probability, dropout_seed, static_cast<std::uint32_t>(layer),
            site,        input.sample, input.indices.position};
  }
};

}  // namespace bertyard
