// SPDX-License-Identifier: Apache-2.0
#include "train/straggler.h"

#include <algorithm>
#include <span>

namespace bertyard {
namespace {

constexpr RankPhase kOwnWork[] = {RankPhase::data, RankPhase::forward, RankPhase::backward,
                                  RankPhase::update};
constexpr std::int64_t kQuietComparisons = 10;

double at(const PhaseSeconds& seconds, RankPhase phase) {
  return seconds[static_cast<std::size_t>(phase)];
}

double own_work(const PhaseSeconds& seconds) {
  double sum = 0;
  for (const RankPhase phase : kOwnWork) sum += at(seconds, phase);
  return sum;
}

// The lower middle one of all ranks but `rank`.
template <typename Value>
double median_of_others(const std::vector<PhaseSeconds>& ranks, std::size_t rank, Value value) {
  std::vector<double> others;
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    if (i != rank) others.push_back(value(ranks[i]));
  }
  const auto middle = others.begin() + static_cast<std::ptrdiff_t>((others.size() - 1) / 2);
  std::nth_element(others.begin(), middle, others.end());
  return *middle;
}

}  // namespace

std::vector<Straggler> find_stragglers(const std::vector<PhaseSeconds>& ranks, double ratio) {
  std::vector<Straggler> found;
  if (ranks.size() < 2) return found;
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    const double median = median_of_others(ranks, i, own_work);
    Straggler slow{static_cast<int>(i), median > 0 ? own_work(ranks[i]) / median : 1, {}, 0, 0};
    if (slow.ratio < ratio) continue;
    double most = 0;
    for (const RankPhase phase : kOwnWork) {
      const double usual =
          median_of_others(ranks, i, [phase](const PhaseSeconds& s) { return at(s, phase); });
      if (at(ranks[i], phase) - usual <= most) continue;
      most = at(ranks[i], phase) - usual;
      slow.phase = phase;
      slow.seconds = at(ranks[i], phase);
      slow.median_seconds = usual;
    }
    found.push_back(slow);
  }
  return found;
}

void PhaseTimes::enter(RankPhase phase) {
  const Clock::time_point now = Clock::now();
  if (phase_ < RankPhase::end) {
    seconds_[static_cast<std::size_t>(phase_)] +=
        std::chrono::duration<double>(now - since_).count();
  }
  phase_ = phase;
  since_ = now;
}

bool PhaseTimes::named_lately(const Straggler& straggler) {
  for (Named& named : named_) {
    if (named.rank != straggler.rank) continue;
    const bool lately =
        named.phase == straggler.phase && comparisons_ - named.comparison < kQuietComparisons;
    if (!lately) named = {straggler.rank, straggler.phase, comparisons_};
    return lately;
  }
  named_.push_back({straggler.rank, straggler.phase, comparisons_});
  return false;
}

std::vector<Straggler> PhaseTimes::compare(std::int64_t step, Communicator& communicator) {
  enter(phase_);
  ++steps_;
  if (!options_.every.is_due(step)) return {};
  for (double& seconds : seconds_) seconds /= static_cast<double>(steps_);
  steps_ = 0;
  ++comparisons_;
  std::vector<PhaseSeconds> ranks(static_cast<std::size_t>(communicator.size()));
  const std::span flat(ranks.front().data(), ranks.size() * seconds_.size());
  communicator.all_gather(view_of(std::span<const double>(seconds_)), view_of(flat)).wait();
  seconds_.fill(0);
  std::vector<Straggler> found = find_stragglers(ranks, options_.ratio);
  std::erase_if(found, [this](const Straggler& s) { return named_lately(s); });
  return found;
}

}  // namespace bertyard
