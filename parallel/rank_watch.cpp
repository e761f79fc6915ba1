// SPDX-License-Identifier: Apache-2.0
#include "parallel/rank_watch.h"

#include <algorithm>
#include <utility>

namespace bertyard {
namespace {

using Position = std::pair<std::int64_t, std::uint64_t>;

Position position_of(const Pulse::Reading& reading) {
  return {reading.step, reading.collective};
}

}  // namespace

RankWatch::RankWatch(int ranks, const Limits& limits)
    : limits_(limits), ranks_(static_cast<std::size_t>(ranks)) {}

void RankWatch::heard(int rank, const Pulse::Reading& reading, Clock::time_point now) {
  if (rank < 0 || static_cast<std::size_t>(rank) >= ranks_.size()) return;
  Rank& known = ranks_[static_cast<std::size_t>(rank)];
  if (!known.known || known.reading != reading) known.progress = now;
  known.known = true;
  known.reading = reading;
  known.heard = now;
}

void RankWatch::forgive(Clock::time_point now) {
  for (Rank& rank : ranks_) rank.heard = rank.progress = now;
}

std::vector<RankWatch::Finding> RankWatch::judge(Clock::time_point now) const {
  std::vector<Finding> findings = silent_ranks(now);
  return findings.empty() ? stuck_ranks(now) : findings;
}

std::vector<RankWatch::Finding> RankWatch::silent_ranks(Clock::time_point now) const {
  std::vector<Finding> findings;
  for (std::size_t i = 0; i < ranks_.size(); ++i) {
    const Rank& rank = ranks_[i];
    const Seconds silence = now - rank.heard;
    if (!rank.known || rank.reading.phase == RankPhase::end || silence <= limits_.limit) continue;
    findings.push_back({Finding::Kind::silent, static_cast<int>(i), silence.count(), rank.reading});
  }
  return findings;
}

RankWatch::Seconds RankWatch::allowance(const Rank& rank) const {
  return is_slow(rank.reading.phase) ? limits_.slow_limit : limits_.limit;
}

// Ranks wait for each other, so that soon nobody goes on. To blame are those that are the least
// far; of these, the ones that do not wait themselves.
std::vector<RankWatch::Finding> RankWatch::stuck_ranks(Clock::time_point now) const {
  std::vector<const Rank*> last;
  for (const Rank& rank : ranks_) {
    if (!rank.known || rank.reading.phase == RankPhase::end) continue;
    if (!last.empty() && position_of(rank.reading) > position_of(last.front()->reading)) continue;
    if (!last.empty() && position_of(rank.reading) < position_of(last.front()->reading)) {
      last.clear();
    }
    last.push_back(&rank);
  }
  const auto waits = [](const Rank* rank) { return is_waiting(rank->reading.phase); };
  if (!std::all_of(last.begin(), last.end(), waits)) std::erase_if(last, waits);
  std::vector<Finding> findings;
  for (const Rank* rank : last) {
    const Seconds stalled = now - rank->progress;
    if (stalled <= allowance(*rank)) continue;
    findings.push_back({Finding::Kind::stuck, static_cast<int>(rank - ranks_.data()),
                        stalled.count(), rank->reading});
  }
  return findings;
}

std::vector<int> RankWatch::unheard() const {
  std::vector<int> unheard;
  for (std::size_t i = 0; i < ranks_.size(); ++i) {
    if (!ranks_[i].known) unheard.push_back(static_cast<int>(i));
  }
  return unheard;
}

}  // namespace bertyard
