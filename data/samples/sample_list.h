// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "data/samples/sample_builder.h"

namespace bertyard {

// Samples in memory, flat, in an order that can be shuffled.
class SampleList {
 public:
  void add(const Sample& sample);
  // Keyed by (seed, part): Fisher and Yates with Philox draws.
  void shuffle(std::uint64_t seed, std::uint64_t part);

  std::uint64_t size() const { return order_.size(); }
  // The sample at `place` of the order; `sample` is overwritten.
  void get(std::uint64_t place, Sample& sample) const;

 private:
  std::vector<std::uint32_t> tokens_;
  std::vector<std::uint64_t> offsets_{0};
  std::vector<std::uint32_t> a_lengths_;
  std::vector<std::uint8_t> random_next_;
  std::vector<std::uint32_t> order_;
};

}  // namespace bertyard
