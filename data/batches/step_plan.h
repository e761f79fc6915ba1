// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace bertyard {

// Fixed capacities of a micro-batch. All above zero.
struct MicroBatchCapacities {
  std::int64_t tokens = 0;
  std::int64_t sequences = 0;
  std::int64_t masked = 0;
  bool operator==(const MicroBatchCapacities&) const = default;
};

// How a step's micro-batches are dealt out: cut into `leaves` contiguous groups, whole groups to
// each rank, counts differing by one at most. No leaves: a group a rank.
struct Dealing {
  int ranks = 1;
  int leaves = 0;
  int groups() const { return leaves > 0 ? leaves : ranks; }
};

// What one sample takes of the capacities.
struct SampleLoad {
  std::int64_t tokens = 0;
  std::int64_t masked = 0;
};

struct PlannedMicroBatch {
  std::vector<std::uint32_t> samples;  // places in the step, ascending
  std::int64_t tokens = 0;
  std::int64_t masked = 0;
};

// Which ranks may go without work.
enum class IdleRanks { refuse, allow };

// How one step's samples are shared out: a pure function of their sizes, the capacities and,
// for the dealing alone, the number of ranks. Every rank computes the same plan.
// Packs into as few micro-batches as it can and evens them out, since ranks wait for each other.
class StepPlan {
 public:
  // Throws UsageError when a sample exceeds a capacity, or when IdleRanks::refuse and there are
  // fewer micro-batches than ranks or leaves; the message says which number to change.
  StepPlan(std::span<const SampleLoad> samples, const MicroBatchCapacities& capacities,
           const Dealing& dealing, IdleRanks idle_ranks = IdleRanks::refuse);

  // All of them in the order in which ordered reduction adds them.
  std::span<const PlannedMicroBatch> micro_batches() const { return micro_batches_; }
  // The contiguous ones of a rank; counts differ by one at most.
  std::span<const PlannedMicroBatch> of_rank(int rank) const;
  std::size_t first_of_rank(int rank) const;
  // Where each group of a rank ends within of_rank().
  std::vector<std::size_t> group_ends(int rank) const;

  // Over the whole global batch; they normalise the loss.
  std::int64_t samples() const { return samples_; }
  std::int64_t tokens() const { return tokens_; }
  std::int64_t masked() const { return masked_; }

 private:
  int first_group(int rank) const;
  std::size_t first_of_group(int group) const;

  std::vector<PlannedMicroBatch> micro_batches_;
  Dealing dealing_;
  std::int64_t samples_ = 0;
  std::int64_t tokens_ = 0;
  std::int64_t masked_ = 0;
};

}  // namespace bertyard
