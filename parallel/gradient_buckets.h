// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "core/nn/parameters.h"
#include "parallel/communicator.h"
#include "parallel/gradient_reduction.h"
#include "parallel/shard_plan.h"

namespace bertyard {

// The fast reduction: sums a step's gradients over the ranks while backward still runs. The flat
// gradient buffer is cut at parameter boundaries into contiguous buckets, in the order in which
// backward finishes them; the last parameter, the tied embedding, has a bucket of its own. Used in
// the last micro-batch of a step only; before that gradients accumulate without communication.
// Borrows all it is given.
class GradientBuckets : public GradientReduction {
 public:
  struct Bucket {
    std::int64_t first = 0;  // element of the flat buffer
    std::int64_t count = 0;
  };

  // `gradients`: [store.flat_elements()], gaps zero. A bucket is closed by the parameter that
  // brings it to `bucket_bytes`. Throws Error when the sizes do not fit.
  GradientBuckets(Communicator& communicator, const ParameterStore& store, TensorView gradients,
                  std::int64_t bucket_bytes);

  // Every rank sums its own parts of the plan's buckets.
  GradientBuckets(Communicator& communicator, TensorView gradients, const ShardPlan& shards);

  const std::vector<Bucket>& buckets() const { return buckets_; }

  // A leaf a rank.
  int leaves() const override { return communicator_.size(); }
  LeafRange own_leaves() const override { return {communicator_.rank(), communicator_.rank() + 1}; }

  // Starts to sum the buckets that end at `offset` or earlier. An offset below an earlier one
  // changes nothing.
  void gradients_ready_up_to(std::int64_t offset) override;
  void leaf_done() override {}
  // Starts what has not been started; the sums are the same bits however the buckets were
  // announced.
  void finish() override;
  void check() override { communicator_.check(); }

 private:
  Pending start(std::size_t bucket);

  Communicator& communicator_;
  TensorView gradients_;
  const ShardPlan* shards_ = nullptr;
  std::vector<Bucket> buckets_;
  std::vector<Pending> pending_;  // of the buckets started, in order
};

}  // namespace bertyard
