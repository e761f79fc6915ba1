// SPDX-License-Identifier: Apache-2.0
#include "data/batches/step_plan.h"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "core/base/error.h"

namespace bertyard {
namespace {

using MicroBatches = std::vector<PlannedMicroBatch>;

// Micro-batches by fill: (tokens, place in the list).
using ByFill = std::set<std::pair<std::int64_t, std::size_t>>;

bool fits(const PlannedMicroBatch& batch, const SampleLoad& load,
          const MicroBatchCapacities& capacities) {
  return batch.tokens + load.tokens <= capacities.tokens &&
         batch.masked + load.masked <= capacities.masked &&
         static_cast<std::int64_t>(batch.samples.size()) < capacities.sequences;
}

void put(PlannedMicroBatch& batch, std::uint32_t sample, const SampleLoad& load) {
  batch.samples.push_back(sample);
  batch.tokens += load.tokens;
  batch.masked += load.masked;
}

// Adds the sample to the micro-batch that `at` stands for.
void put_into(MicroBatches& batches, ByFill& by_fill, ByFill::iterator at, std::uint32_t sample,
              const SampleLoad& load) {
  ByFill::node_type entry = by_fill.extract(at);
  put(batches[entry.value().second], sample, load);
  entry.value().first = batches[entry.value().second].tokens;
  by_fill.insert(std::move(entry));
}

// The packing problem of one step.
struct Packing {
  std::span<const SampleLoad> loads;
  const MicroBatchCapacities& capacities;
  std::vector<std::uint32_t> by_size;  // places of samples, the largest first
};

// Best fit, largest first: into the fullest micro-batch with room, else into a new one.
MicroBatches pack_tightly(const Packing& packing) {
  MicroBatches batches;
  ByFill by_fill;
  for (const std::uint32_t sample : packing.by_size) {
    const SampleLoad& load = packing.loads[sample];
    auto at = by_fill.upper_bound({packing.capacities.tokens - load.tokens, batches.size()});
    auto chosen = by_fill.end();
    while (chosen == by_fill.end() && at != by_fill.begin()) {
      --at;
      if (fits(batches[at->second], load, packing.capacities)) chosen = at;
    }
    if (chosen == by_fill.end()) {
      chosen = by_fill.emplace(0, batches.size()).first;
      batches.emplace_back();
    }
    put_into(batches, by_fill, chosen, sample, load);
  }
  return batches;
}

// Largest first into the emptiest of `count` micro-batches; nothing where that does not work out.
MicroBatches pack_evenly(const Packing& packing, std::size_t count) {
  MicroBatches batches(count);
  ByFill by_fill;
  for (std::size_t i = 0; i < count; ++i) by_fill.emplace(0, i);
  for (const std::uint32_t sample : packing.by_size) {
    const SampleLoad& load = packing.loads[sample];
    const auto at = std::find_if(by_fill.begin(), by_fill.end(), [&](const auto& entry) {
      return fits(batches[entry.second], load, packing.capacities);
    });
    if (at == by_fill.end()) return {};
    put_into(batches, by_fill, at, sample, load);
  }
  return batches;
}

void check_capacity(std::size_t sample, const char* what, std::int64_t needed,
                    std::int64_t capacity) {
  if (needed <= capacity) return;
  throw UsageError(
      fmt::format("step plan: sample {} of the step has {} {}, a micro-batch holds {}; raise "
                  "parallel.micro_batch.{} to at least {}",
                  sample, needed, what, capacity, what, needed));
}

void check_loads(std::span<const SampleLoad> loads, const MicroBatchCapacities& capacities) {
  if (capacities.tokens <= 0 || capacities.sequences <= 0 || capacities.masked <= 0) {
    throw UsageError(fmt::format(
        "step plan: capacities of a micro-batch are {} tokens, {} sequences and {} masked tokens; "
        "expected all above 0",
        capacities.tokens, capacities.sequences, capacities.masked));
  }
  for (std::size_t i = 0; i < loads.size(); ++i) {
    check_capacity(i, "tokens", loads[i].tokens, capacities.tokens);
    check_capacity(i, "masked", loads[i].masked, capacities.masked);
  }
}

Packing make_packing(std::span<const SampleLoad> loads, const MicroBatchCapacities& capacities) {
  Packing packing{loads, capacities, std::vector<std::uint32_t>(loads.size())};
  std::iota(packing.by_size.begin(), packing.by_size.end(), 0u);
  std::stable_sort(packing.by_size.begin(), packing.by_size.end(),
                   [&](std::uint32_t a, std::uint32_t b) {
                     return std::pair(loads[a].tokens, loads[a].masked) >
                            std::pair(loads[b].tokens, loads[b].masked);
                   });
  return packing;
}

}  // namespace

StepPlan::StepPlan(std::span<const SampleLoad> samples, const MicroBatchCapacities& capacities,
                   const Dealing& dealing, IdleRanks idle_ranks)
    : dealing_(dealing), samples_(static_cast<std::int64_t>(samples.size())) {
  BERTYARD_CHECK(dealing.ranks > 0, "step plan: the number of ranks must be above 0");
  check_loads(samples, capacities);
  const Packing packing = make_packing(samples, capacities);
  micro_batches_ = pack_tightly(packing);
  if (MicroBatches even = pack_evenly(packing, micro_batches_.size()); !even.empty()) {
    micro_batches_ = std::move(even);
  }
  for (PlannedMicroBatch& batch : micro_batches_) {
    std::sort(batch.samples.begin(), batch.samples.end());
    tokens_ += batch.tokens;
    masked_ += batch.masked;
  }
  std::sort(micro_batches_.begin(), micro_batches_.end(),
            [](const auto& a, const auto& b) { return a.samples.front() < b.samples.front(); });
  const int groups = dealing.groups();
  if (idle_ranks == IdleRanks::refuse && micro_batches_.size() < static_cast<std::size_t>(groups)) {
    throw UsageError(fmt::format(
        "step plan: {} samples of {} tokens make {} micro-batch(es) of at most {} tokens and {} "
        "sequences, fewer than the {} {}; lower parallel.micro_batch.tokens to about {}, raise "
        "the phase's global_batch, or {}",
        samples_, tokens_, micro_batches_.size(), capacities.tokens, capacities.sequences, groups,
        dealing.leaves > 0 ? "leaves" : "ranks", std::max<std::int64_t>(1, tokens_ / groups),
        dealing.leaves > 0 ? "lower parallel.leaves" : "start fewer ranks"));
  }
}

int StepPlan::first_group(int rank) const {
  return static_cast<int>(std::int64_t{dealing_.groups()} * rank / dealing_.ranks);
}

std::size_t StepPlan::first_of_group(int group) const {
  return micro_batches_.size() * static_cast<std::size_t>(group) /
         static_cast<std::size_t>(dealing_.groups());
}

std::size_t StepPlan::first_of_rank(int rank) const {
  return first_of_group(first_group(rank));
}

std::span<const PlannedMicroBatch> StepPlan::of_rank(int rank) const {
  const std::size_t first = first_of_rank(rank);
  return std::span(micro_batches_).subspan(first, first_of_rank(rank + 1) - first);
}

std::vector<std::size_t> StepPlan::group_ends(int rank) const {
  std::vector<std::size_t> ends;
  const std::size_t first = first_of_rank(rank);
  for (int group = first_group(rank) + 1; group <= first_group(rank + 1); ++group) {
    ends.push_back(first_of_group(group) - first);
  }
  return ends;
}

}  // namespace bertyard
