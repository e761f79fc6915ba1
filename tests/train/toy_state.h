// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "core/nn/pretraining_model.h"
#include "train/checkpoint/checkpoint.h"

namespace bertyard::testing {

inline ModelConfig toy_config() {
  ModelConfig config;
  config.vocab_size = 11;
  config.layers = 1;
  config.hidden = 4;
  config.heads = 2;
  config.intermediate = 6;
  config.max_positions = 8;
  config.init = Initialization::normal;
  return config;
}

// The tensors of a small model with values that depend on `salt`, and two arrays of optimizer
// state.
struct ToyState {
  explicit ToyState(int salt, ModelConfig model = toy_config()) : config(std::move(model)) {
    const PretrainingModel registered(config, SentenceObjective::next_sentence, parameters);
    const auto count = static_cast<std::size_t>(parameters.flat_elements());
    weights.resize(count);
    m.resize(count);
    v.resize(count);
    for (std::size_t i = 0; i < count; ++i) {
      weights[i] = static_cast<float>(salt) + 0.25f * static_cast<float>(i);
      m[i] = -weights[i];
      v[i] = weights[i] * weights[i];
    }
    state.run_id = "00112233445566aa";
    state.step = salt;
    state.applied_steps = salt - 1;
    state.data_position = 18446744073709551615ull;
    state.tokens = 123456789012345;
    state.phase = 1;
    state.run_seconds = 1.0 / 3.0;
    state.loss_scale = 65536;
    state.loss_log_bytes = 12;
    state.loss_log_hash = 0xFEDCBA9876543210ull;
    state.held_out_loss = 2.5;
    state.resolved_config = "run:\n  name: \"a\\b\"\n";
    state.settings = {{"optim.lr", "0.0001"}, {"model.layers", "1"}};
    state.environment = {{"threads", "2"}, {"blas", "OpenBLAS 0.3.21"}};
    vocabulary = "[UNK]\n[CLS]\n[PAD]\n[SEP]\n[MASK]\na\nb\nc\nd\ne\nf\n";
  }

  CheckpointContents contents() const {
    return {state,
            config,
            parameters,
            view_of(std::span<const float>(weights)),
            {{"m", view_of(std::span<const float>(m))}, {"v", view_of(std::span<const float>(v))}},
            vocabulary,
            {}};
  }

  ModelConfig config;
  ParameterStore parameters;
  std::vector<float> weights, m, v;
  CheckpointState state;
  std::string vocabulary;
};

// The elements of `flat` that belong to tensors; what lies in the gaps between them is not kept.
inline std::vector<float> without_gaps(const ParameterStore& parameters,
                                       const std::vector<float>& flat) {
  std::vector<float> values;
  for (const ParameterInfo& info : parameters.infos()) {
    const auto first = flat.begin() + info.offset;
    values.insert(values.end(), first, first + info.shape.elements());
  }
  return values;
}

}  // namespace bertyard::testing
