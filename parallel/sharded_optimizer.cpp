// SPDX-License-Identifier: Apache-2.0
#include "parallel/sharded_optimizer.h"

#include <fmt/format.h>

#include "core/base/error.h"

namespace bertyard {

ShardedOptimizer::ShardedOptimizer(Communicator& communicator, const ShardPlan& plan)
    : communicator_(communicator), plan_(plan) {
  BERTYARD_CHECK(communicator.size() == plan.ranks(),
                 fmt::format("sharded optimizer: planned for {} ranks, there are {}", plan.ranks(),
                             communicator.size()));
  pending_.reserve(plan.buckets().size());
}

// Every sum is zero on all ranks but one, so that adding them is exact.
void ShardedOptimizer::add(TensorView sums) {
  communicator_.all_reduce_sum(sums).wait();
}

void ShardedOptimizer::share(TensorView flat, std::size_t index) {
  const ShardPlan::Bucket& bucket = plan_.buckets().at(index);
  pending_.push_back(
      communicator_.all_gather_parts(flat.slice(bucket.first, bucket.count), bucket.cuts));
}

void ShardedOptimizer::finish() {
  for (Pending& bucket : pending_) bucket.wait();
  pending_.clear();
}

}  // namespace bertyard
