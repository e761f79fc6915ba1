// SPDX-License-Identifier: Apache-2.0
#include "data/samples/flat_samples.h"

#include <algorithm>
#include <cstddef>

#include <fmt/format.h>

namespace bertyard {

void FlatSamples::describe_foreign(const std::filesystem::path& path,
                                   const SampleExpectations& expectations) {
  properties_.path = path.string();
  properties_.masks = MaskTime::prepare;
  properties_.cutting = Cutting::refused;
  properties_.segments = expectations.segments;
  properties_.warnings.push_back(
      fmt::format("{}: this layout has no checksums and does not name its vocabulary; only the "
                  "range of its ids was checked",
                  path.string()));
}

SampleShape FlatSamples::shape(std::uint64_t index) const {
  const auto length = static_cast<std::int64_t>(offsets_.at(index + 1) - offsets_.at(index));
  return {length, length,
          static_cast<std::int64_t>(mask_offsets_.at(index + 1) - mask_offsets_.at(index))};
}

void FlatSamples::read(std::uint64_t index, StoredSample& sample) const {
  const auto copy = [](const auto& from, std::uint64_t begin, std::uint64_t end, auto& to) {
    to.assign(from.begin() + static_cast<std::ptrdiff_t>(begin),
              from.begin() + static_cast<std::ptrdiff_t>(end));
  };
  const std::uint64_t begin = offsets_.at(index);
  const std::uint64_t end = offsets_.at(index + 1);
  copy(tokens_, begin, end, sample.tokens);
  copy(segments_, begin, end, sample.segments);
  copy(key_mask_, begin, end, sample.key_mask);
  if (std::find(sample.key_mask.begin(), sample.key_mask.end(), 1) == sample.key_mask.end()) {
    sample.key_mask.clear();
  }
  copy(mask_positions_, mask_offsets_[index], mask_offsets_[index + 1], sample.mask_positions);
  copy(mask_labels_, mask_offsets_[index], mask_offsets_[index + 1], sample.mask_labels);
  sample.a_length = static_cast<std::int64_t>(sample.tokens.size());
  sample.is_random_next = random_next_[index] == 1;
}

}  // namespace bertyard
