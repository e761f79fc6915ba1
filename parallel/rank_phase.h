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
  // Of `prepare`: what all ranks do,
  text = 9,
  words = 10,
  samples = 11,
  // what one rank does while the others wait for it,
  files = 12,
  vocabulary = 13,
  corpus = 14,  // samples of rules that look at all of it at once
  wait = 15,    // and what they do.
};

std::string_view name_of(RankPhase phase);

// Phases that may take long without a sign of progress; everyone else then waits for this rank.
inline bool is_slow(RankPhase phase) {
  return phase == RankPhase::start || phase == RankPhase::checkpoint ||
         phase == RankPhase::evaluate || phase == RankPhase::files ||
         phase == RankPhase::vocabulary || phase == RankPhase::corpus;
}

// Phases in which a rank does nothing but wait for others.
inline bool is_waiting(RankPhase phase) {
  return phase == RankPhase::reduce || phase == RankPhase::wait;
}

// Phases that are counted in units of work instead of steps.
inline bool has_units(RankPhase phase) {
  return phase >= RankPhase::text;
}

}  // namespace bertyard
