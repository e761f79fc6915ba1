// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "data/samples/masking.h"
#include "data/samples/sample_builder.h"
#include "data/tokenizer/packed_ids.h"

namespace bertyard {

// The samples that some consecutive documents make, packed as a shard stores them.
class SampleChunk {
 public:
  explicit SampleChunk(PackedIds::Width width) : tokens_(width), mask_labels_(width) {}

  void add(const Sample& sample);
  std::size_t size() const { return a_lengths_.size(); }
  std::uint64_t token_count() const { return tokens_.size(); }
  std::uint64_t masked_count() const { return mask_positions_.size(); }
  std::uint64_t random_next_count() const;

  // Masks every sample; `sample_id(i)` names the draws of the i-th.
  template <typename SampleId>
  void mask(const Masker& masker, std::uint64_t seed, const SampleId& sample_id) {
    std::vector<std::uint32_t> tokens;
    MaskedTokens masked;
    mask_offsets_.assign(1, 0);
    for (std::size_t i = 0; i < size(); ++i) {
      tokens_.read(offsets_[i], offsets_[i + 1], tokens);
      masker.mask(tokens, {.seed = seed, .epoch = kFixedMaskEpoch, .sample_id = sample_id(i)},
                  masked);
      tokens_.replace(offsets_[i], tokens);
      mask_positions_.insert(mask_positions_.end(), masked.positions.begin(),
                             masked.positions.end());
      mask_labels_.append(masked.labels);
      mask_offsets_.push_back(static_cast<std::uint32_t>(mask_positions_.size()));
    }
  }

 private:
  friend class ShardWriter;

  PackedIds tokens_;
  std::vector<std::uint32_t> offsets_{0};
  std::vector<std::uint16_t> a_lengths_;
  std::vector<std::uint8_t> random_next_;
  std::vector<std::uint32_t> mask_offsets_{0};
  std::vector<std::uint16_t> mask_positions_;
  PackedIds mask_labels_;
};

inline void SampleChunk::add(const Sample& sample) {
  tokens_.append(sample.tokens);
  offsets_.push_back(static_cast<std::uint32_t>(tokens_.size()));
  a_lengths_.push_back(static_cast<std::uint16_t>(sample.a_length));
  random_next_.push_back(sample.is_random_next ? 1 : 0);
}

inline std::uint64_t SampleChunk::random_next_count() const {
  std::uint64_t count = 0;
  for (const std::uint8_t random : random_next_) count += random;
  return count;
}

}  // namespace bertyard
