// SPDX-License-Identifier: Apache-2.0
#include "train/loss_spike.h"

#include <numeric>

namespace bertyard {

bool LossSpike::is_spike(double loss) const {
  if (!wanted() || losses_.size() < static_cast<std::size_t>(options_.window)) return false;
  const double mean =
      std::accumulate(losses_.begin(), losses_.end(), 0.0) / static_cast<double>(losses_.size());
  return loss > options_.factor * mean;
}

void LossSpike::remember(double loss) {
  if (!wanted()) return;
  losses_.push_back(loss);
  if (losses_.size() > static_cast<std::size_t>(options_.window)) losses_.erase(losses_.begin());
}

}  // namespace bertyard
