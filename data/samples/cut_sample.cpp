// SPDX-License-Identifier: Apache-2.0
#include "data/samples/cut_sample.h"

#include <cstddef>
#include <optional>

#include "data/samples/sample_builder.h"

namespace bertyard {
namespace {

// Where the tokens of a sample are before and after the cut. Without B its length is 0.
struct Cut {
  std::int64_t old_b = 0;  // place of B's first token
  SegmentLengths kept;
  bool has_b = false;

  // The new place of the text token at `position`; nothing where it was lost.
  std::optional<std::int64_t> place(std::int64_t position) const {
    if (position <= kept.a) return position;
    if (!has_b || position < old_b || position >= old_b + kept.b) return std::nullopt;
    return position - old_b + kept.a + 2;
  }
};

template <typename T>
void keep_text(std::vector<T>& values, const Cut& cut) {
  std::vector<T> kept(values.begin(), values.begin() + 1 + cut.kept.a);
  if (cut.has_b) {
    kept.push_back(values[static_cast<std::size_t>(cut.old_b - 1)]);  // the first [SEP]
    kept.insert(kept.end(), values.begin() + cut.old_b, values.begin() + cut.old_b + cut.kept.b);
  }
  kept.push_back(values.back());
  values = std::move(kept);
}

}  // namespace

void cut_sample(StoredSample& sample, std::int64_t max_length) {
  const auto length = static_cast<std::int64_t>(sample.tokens.size());
  if (length <= max_length) return;
  Cut cut;
  cut.has_b = sample.a_length < length;
  cut.old_b = sample.a_length;
  cut.kept = cut.has_b
                 ? fit_segments({sample.a_length - 2, length - sample.a_length - 1}, max_length - 3)
                 : SegmentLengths{max_length - 2, 0};
  keep_text(sample.tokens, cut);
  keep_text(sample.segments, cut);
  if (!sample.key_mask.empty()) keep_text(sample.key_mask, cut);
  std::size_t kept = 0;
  for (std::size_t i = 0; i < sample.mask_positions.size(); ++i) {
    if (const auto place = cut.place(sample.mask_positions[i])) {
      sample.mask_positions[kept] = static_cast<std::uint32_t>(*place);
      sample.mask_labels[kept] = sample.mask_labels[i];
      ++kept;
    }
  }
  sample.mask_positions.resize(kept);
  sample.mask_labels.resize(kept);
  sample.a_length = cut.kept.a + 2;
}

}  // namespace bertyard
