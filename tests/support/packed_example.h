// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/base/philox.h"
#include "core/nn/pass.h"

namespace bertyard::testing {

// A small packed micro-batch in host memory, of the lengths asked for, filled from a seed.
struct PackedExample {
  std::vector<std::int32_t> tokens, positions, segments, offsets{0}, masked_rows, masked_labels,
      sentence_labels;
  std::vector<std::uint64_t> samples;
  std::vector<std::uint8_t> key_mask;
  std::int64_t max_length = 0;

  PackedExample(const std::vector<std::int32_t>& lengths, std::int32_t vocab_size,
                std::int32_t segment_count, std::uint64_t seed) {
    PhiloxSequence draws(seed, RandomPurpose::sample_building, 0, 0);
    std::uint64_t sample = 1000;
    for (const std::int32_t length : lengths) {
      for (std::int32_t position = 0; position < length; ++position) {
        if (position % 3 == 1) {
          masked_rows.push_back(static_cast<std::int32_t>(tokens.size()));
          masked_labels.push_back(below(draws, vocab_size));
        }
        tokens.push_back(below(draws, vocab_size));
        positions.push_back(position);
        segments.push_back(below(draws, segment_count));
        samples.push_back(sample);
        key_mask.push_back(position > 0 && draws.next_below(5) == 0 ? 1 : 0);
      }
      ++sample;
      offsets.push_back(static_cast<std::int32_t>(tokens.size()));
      sentence_labels.push_back(below(draws, 2));
      max_length = std::max<std::int64_t>(max_length, length);
    }
  }

  PackedInput view() const {
    const auto of = [](const auto& values) { return view_of(std::span(values)); };
    PackedInput input;
    input.indices = {of(tokens), of(positions), of(segments)};
    input.packing = {of(offsets), max_length, of(key_mask), false};
    input.sample = of(samples);
    input.masked_rows = of(masked_rows);
    input.masked_labels = of(masked_labels);
    input.sentence_labels = of(sentence_labels);
    return input;
  }
  Capacities capacities() const {
    return {static_cast<std::int64_t>(tokens.size()),
            static_cast<std::int64_t>(sentence_labels.size()),
            static_cast<std::int64_t>(masked_rows.size()), max_length};
  }

 private:
  static std::int32_t below(PhiloxSequence& draws, std::int32_t bound) {
    return static_cast<std::int32_t>(draws.next_below(static_cast<std::uint32_t>(bound)));
  }
};

}  // namespace bertyard::testing
