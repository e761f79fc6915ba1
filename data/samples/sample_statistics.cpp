// SPDX-License-Identifier: Apache-2.0
#include "data/samples/sample_statistics.h"

#include <algorithm>

namespace bertyard {

void SampleStatistics::add(const StoredSample& sample, const Vocabulary* vocabulary) {
  const std::size_t length = sample.tokens.size();
  ++samples;
  tokens += length;
  random_next += sample.is_random_next ? 1 : 0;
  masked += sample.mask_positions.size();
  if (lengths.size() <= length) lengths.resize(length + 1);
  ++lengths[length];
  std::uint64_t run = 0;
  for (std::size_t i = 0; i < sample.mask_positions.size(); ++i) {
    const std::uint32_t position = sample.mask_positions[i];
    const std::uint32_t now = sample.tokens[position];
    const std::uint32_t label = sample.mask_labels[i];
    if (now == label) {
      ++kept;
    } else {
      ++replaced[now];
    }
    const bool adjacent = i > 0 && position == sample.mask_positions[i - 1] + 1;
    run = adjacent ? run + 1 : 1;
    squared_runs += 2 * run - 1;  // sums to run * run
    if (vocabulary == nullptr) continue;
    const std::uint32_t unk = vocabulary->special().unknown;
    if (label == unk) ++unknown;
    if (now == unk) --unknown;  // counted below
  }
  if (vocabulary == nullptr) return;
  unknown += static_cast<std::uint64_t>(
      std::count(sample.tokens.begin(), sample.tokens.end(), vocabulary->special().unknown));
}

std::optional<std::uint32_t> SampleStatistics::mask_id(const Vocabulary* vocabulary) const {
  if (vocabulary != nullptr) return vocabulary->special().mask;
  const auto most =
      std::max_element(replaced.begin(), replaced.end(),
                       [](const auto& x, const auto& y) { return x.second < y.second; });
  if (most == replaced.end() || 2 * most->second <= masked - kept) return std::nullopt;
  return most->first;
}

std::uint64_t SampleStatistics::replaced_by(std::uint32_t id) const {
  const auto found = replaced.find(id);
  return found == replaced.end() ? 0 : found->second;
}

}  // namespace bertyard
