// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "data/samples/sample_source.h"
#include "data/tokenizer/vocabulary.h"

namespace bertyard {

// Counts over samples. Masks are counted where they are stored.
struct SampleStatistics {
  std::uint64_t samples = 0;
  std::uint64_t tokens = 0;
  std::uint64_t random_next = 0;  // or swapped
  std::uint64_t masked = 0;
  std::uint64_t kept = 0;                                     // the token itself stands there
  std::unordered_map<std::uint32_t, std::uint64_t> replaced;  // what stands at the other ones
  // Sum of squared lengths of runs of masked tokens: the variance of a share is this much larger
  // where tokens of a run share their fate, as those of a span do.
  std::uint64_t squared_runs = 0;
  std::uint64_t unknown = 0;           // [UNK] before masking; with a vocabulary only
  std::vector<std::uint64_t> lengths;  // [longest + 1], samples of each length

  // The vocabulary may be null.
  void add(const StoredSample& sample, const Vocabulary* vocabulary);

  // The id of [MASK]: the vocabulary's, or else what stands at more than half of the replaced
  // positions. Nothing where neither says.
  std::optional<std::uint32_t> mask_id(const Vocabulary* vocabulary) const;
  std::uint64_t replaced_by(std::uint32_t id) const;
};

}  // namespace bertyard
