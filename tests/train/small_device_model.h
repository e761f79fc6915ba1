// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/nn/initialization.h"
#include "core/nn/pretraining_model.h"
#include "data/batches/batch.h"

namespace bertyard::testing {

// Heads of 64, so that 16-bit types run on tensor cores.
inline ModelConfig small_model() {
  ModelConfig config;
  config.vocab_size = 50;
  config.layers = 1;
  config.hidden = 128;
  config.heads = 2;
  config.intermediate = 64;
  config.max_positions = 40;
  return config;
}

// Samples `first` to `last` - 1 of an endless set of short ones.
inline Batch batch_of(std::uint64_t first, std::uint64_t last) {
  Batch batch;
  batch.cu_seqlens = {0};
  for (std::uint64_t sample = first; sample < last; ++sample) {
    const auto length = static_cast<std::int32_t>(5 + sample * 7 % 30);
    for (std::int32_t position = 0; position < length; ++position) {
      const auto value = static_cast<std::int32_t>((sample * 31 + 17u * position) % 50);
      if (position % 4 == 2) {
        batch.masked_rows.push_back(static_cast<std::int32_t>(batch.tokens.size()));
        batch.masked_labels.push_back((value + 3) % 50);
      }
      batch.tokens.push_back(value);
      batch.positions.push_back(position);
      batch.segments.push_back(position * 2 / length);
      batch.samples.push_back(sample);
    }
    batch.cu_seqlens.push_back(static_cast<std::int32_t>(batch.tokens.size()));
    batch.global_indices.push_back(sample);
    batch.sample_ids.push_back(sample);
    batch.next_sentence_labels.push_back(static_cast<std::int32_t>(sample % 2));
  }
  return batch;
}

inline std::vector<float> drawn_weights(const ModelConfig& config) {
  ParameterStore store;
  const PretrainingModel model(config, SentenceObjective::next_sentence, store);
  std::vector<float> values(static_cast<std::size_t>(store.flat_elements()));
  store.bind(view_of(std::span(values)), {});
  initialize(store, config, 11);
  return values;
}

}  // namespace bertyard::testing
