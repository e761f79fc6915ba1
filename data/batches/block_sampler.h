// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "data/batches/sampler.h"

namespace bertyard {

// How samples are mixed where reading here and there is slow.
struct BlockShuffle {
  std::uint64_t block = 4096;  // neighbours that are read together, in samples
  std::uint64_t window = 64;   // blocks that are mixed with each other
  bool operator==(const BlockShuffle&) const = default;
};

// The order of training samples for cold and network storage: blocks of neighbours in random order,
// samples in random order within windows of consecutive blocks of that order, so that a window is
// all that is read at a time. Like Sampler it is a pure function (seed, global index) -> sample,
// every epoch is a permutation of all samples, and nothing is stored: the permutations are
// Samplers over blocks and over the places of a window. Where blocks begin is drawn anew in every
// epoch. Throws DataError when there are no samples, UsageError when block or window is 0.
class BlockSampler {
 public:
  BlockSampler(std::uint64_t seed, std::uint64_t samples, const BlockShuffle& shuffle);

  Sampler::Draw at(std::uint64_t global_index) const;

 private:
  std::uint64_t seed_;
  std::uint64_t samples_;
  BlockShuffle shuffle_;
  std::uint64_t whole_blocks_;
  std::uint64_t whole_windows_;
  std::optional<Sampler> blocks_;  // order of the whole blocks; none where there is no whole one
  std::optional<Sampler> window_;  // places in a whole window
  std::optional<Sampler> rest_;    // places in the last window, which ends with the partial block
};

}  // namespace bertyard
