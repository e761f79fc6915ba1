// SPDX-License-Identifier: Apache-2.0
#include "data/samples/next_tokens.h"

#include <cstddef>
#include <numeric>

namespace bertyard {

void take_masks_back(StoredSample& sample) {
  for (std::size_t i = 0; i < sample.mask_positions.size(); ++i) {
    sample.tokens[sample.mask_positions[i]] = sample.mask_labels[i];
  }
  sample.mask_positions.clear();
  sample.mask_labels.clear();
}

void predict_next_tokens(StoredSample& sample) {
  const std::size_t places = sample.tokens.empty() ? 0 : sample.tokens.size() - 1;
  sample.mask_positions.resize(places);
  std::iota(sample.mask_positions.begin(), sample.mask_positions.end(), 0u);
  sample.mask_labels.assign(sample.tokens.end() - static_cast<std::ptrdiff_t>(places),
                            sample.tokens.end());
}

void predict_neighbours(StoredSample& sample) {
  const std::size_t length = sample.tokens.size();
  sample.mask_positions.clear();
  sample.mask_labels.clear();
  const auto predict = [&sample](std::size_t row, std::size_t token) {
    sample.mask_positions.push_back(static_cast<std::uint32_t>(row));
    sample.mask_labels.push_back(sample.tokens[token]);
  };
  for (std::size_t t = 0; t < length; ++t) {
    if (t + 1 < length) predict(2 * t, t + 1);
    if (t > 0) predict(2 * t + 1, t - 1);
  }
}

}  // namespace bertyard
