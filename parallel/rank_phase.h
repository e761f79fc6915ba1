// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

namespace bertyard {

// What a rank is at, as heartbeats and the flight recorder say it. The numbers stand in files.
enum class RankPhase : std::uint8_t {
  start = 0,
  data = 1,  // waiting for the batch
  forward = 2,
  backward = 3,
  reduce = 4,  // waiting for the other ranks' sums
  update = 5,
  checkpoint = 6,
  evaluate = 7,
  end = 8,
};

std::string_view name_of(RankPhase phase);

// Phases that may take long without a sign of progress; everyone else then waits for this rank.
inline bool is_slow(RankPhase phase) {
  return phase == RankPhase::start || phase == RankPhase::checkpoint ||
         phase == RankPhase::evaluate;
}

}  // namespace bertyard
