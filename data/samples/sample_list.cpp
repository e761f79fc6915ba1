// SPDX-License-Identifier: Apache-2.0
#include "data/samples/sample_list.h"

#include <cstddef>
#include <limits>
#include <utility>

#include "core/base/error.h"
#include "core/base/philox.h"

namespace bertyard {
namespace {

// Takes the place of the duplication round in the key of the draws; no round gets that far.
constexpr std::uint32_t kShuffleRound = 0xFFFFFFFFu;

}  // namespace

void SampleList::add(const Sample& sample) {
  if (order_.size() == std::numeric_limits<std::uint32_t>::max()) {
    throw DataError("samples: more than 4,294,967,295 in one part; split the text into several");
  }
  tokens_.insert(tokens_.end(), sample.tokens.begin(), sample.tokens.end());
  offsets_.push_back(tokens_.size());
  a_lengths_.push_back(sample.a_length);
  random_next_.push_back(sample.is_random_next ? 1 : 0);
  order_.push_back(static_cast<std::uint32_t>(order_.size()));
}

void SampleList::shuffle(std::uint64_t seed, std::uint64_t part) {
  PhiloxSequence draws(seed, RandomPurpose::sample_building, kShuffleRound, part);
  for (std::size_t i = order_.size(); i > 1; --i) {
    std::swap(order_[i - 1], order_[draws.next_below(static_cast<std::uint32_t>(i))]);
  }
}

void SampleList::get(std::uint64_t place, Sample& sample) const {
  const std::uint32_t index = order_[place];
  sample.tokens.assign(tokens_.begin() + static_cast<std::ptrdiff_t>(offsets_[index]),
                       tokens_.begin() + static_cast<std::ptrdiff_t>(offsets_[index + 1]));
  sample.a_length = a_lengths_[index];
  sample.is_random_next = random_next_[index] != 0;
}

}  // namespace bertyard
