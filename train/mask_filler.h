// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/backend/device.h"
#include "core/nn/pretraining_model.h"
#include "core/tensor/arena.h"
#include "train/device_batch.h"

namespace bertyard {

// What may stand in the place of a token, the likeliest first.
struct FilledMask {
  std::size_t position = 0;  // in the text, [CLS] is 0
  struct Word {
    std::uint32_t id = 0;
    double probability = 0;
  };
  std::vector<Word> words;
};

// Predicts masked tokens with a pre-training model in evaluation mode. Owns model and memory; fill
// parameters() and call weights_loaded() first.
class MaskFiller {
 public:
  MaskFiller(const ModelConfig& config, std::int64_t max_tokens, Device& device);

  ParameterStore& parameters() { return store_; }
  void weights_loaded() { device_.layer_ops().weights_changed(); }

  // `tokens` with [CLS] and [SEP]; the `top` likeliest entries for every place of `mask` in it.
  std::vector<FilledMask> fill(std::span<const std::uint32_t> tokens, std::uint32_t mask,
                               std::size_t top);

 private:
  ModelConfig config_;
  Device& device_;
  ParameterStore store_;
  PretrainingModel model_;
  DeviceBatch device_batch_;
  ArenaSlot sums_;
  Arena parameters_arena_, activations_arena_;
};

}  // namespace bertyard
