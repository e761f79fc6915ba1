// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "core/backend/device.h"
#include "core/nn/encoder.h"
#include "core/tensor/arena.h"
#include "data/batches/batch.h"
#include "train/device_batch.h"

namespace bertyard {

// How the hidden states of a text's tokens, [CLS] and [SEP] among them, become its vector.
enum class Pooling {
  cls,     // the first token's
  mean,    // the mean over all tokens
  max,     // the greatest of each channel
  tokens,  // no pooling: a vector for each token
};
std::string_view name_of(Pooling pooling);

enum class Normalize { no, yes };

struct VectorOptions {
  Pooling pooling = Pooling::mean;
  // Whose hidden states, one after the other in the vector (Devlin et al. 2018, 5.3): 0 the
  // embedding's, 1 the first layer's; from the end -1 the last layer's.
  std::vector<std::int64_t> layers{-1};
  Normalize normalize = Normalize::no;  // to length 1
};

// The same layers counted from 0. Throws UsageError for one that the model does not have, for none
// and for the same one twice.
std::vector<std::int64_t> resolve_layers(std::span<const std::int64_t> layers,
                                         const ModelConfig& config);

// Turns token sequences into vectors. Owns an encoder in evaluation mode and its memory; fill
// parameters() and call weights_loaded() first.
class TextVectors {
 public:
  using Tokens = std::vector<std::uint32_t>;  // with [CLS] and [SEP]

  TextVectors(const ModelConfig& config, const VectorOptions& options, const Capacities& capacities,
              Device& device);

  ParameterStore& parameters() { return store_; }
  void weights_loaded() { device_.layer_ops().weights_changed(); }

  // Columns of a vector.
  std::int64_t width() const;
  // The vectors of `texts` in their order, row after row: one row a text, or one a token. Texts of
  // like length are computed together; `before_batch` is called before each batch and may throw.
  // Throws Error where a text exceeds the capacities.
  std::vector<float> encode(
      std::span<const Tokens> texts, const std::function<void()>& before_batch = [] {});

 private:
  struct Rows;
  void run(Rows& rows, std::span<const std::size_t> members);
  void pool(Rows& rows, std::span<const std::size_t> members, ConstTensorView hidden,
            std::int64_t column);
  void pool_text(float* to, const float* from, std::int64_t tokens) const;
  void normalize(std::vector<float>& vectors) const;

  ModelConfig config_;
  VectorOptions options_;
  Capacities capacities_;
  Device& device_;
  ParameterStore store_;
  Encoder encoder_;
  DeviceBatch device_batch_;
  Arena parameters_arena_, activations_arena_;
  Batch batch_;
  std::vector<float> hidden_;  // [T, H] on the host
};

}  // namespace bertyard
