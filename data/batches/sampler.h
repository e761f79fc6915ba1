// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

namespace bertyard {

// The order of training samples: a pure function (seed, global index) -> sample. Every epoch is a
// permutation of all samples, computed in place by a Feistel network on Philox with cycle walking,
// so nothing is stored and the position in the data is one number.
class Sampler {
 public:
  struct Draw {
    std::uint64_t sample_id = 0;
    std::uint32_t epoch = 0;
  };

  // Throws DataError when `samples` is 0.
  Sampler(std::uint64_t seed, std::uint64_t samples);

  Draw at(std::uint64_t global_index) const;
  // The draws of consecutive indices, several at a time: what at() gives, some times as fast.
  void fill(std::uint64_t first_index, std::span<Draw> draws) const;
  std::uint64_t samples() const { return samples_; }

 private:
  std::uint64_t encrypt(std::uint64_t value, std::uint64_t epoch) const;

  std::uint64_t seed_;
  std::uint64_t samples_;
  int half_bits_;  // the network permutes 2^(2 * half_bits_) >= samples_ values
};

}  // namespace bertyard
