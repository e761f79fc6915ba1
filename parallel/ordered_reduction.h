// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "core/backend/device.h"
#include "core/tensor/arena.h"
#include "parallel/communicator.h"
#include "parallel/gradient_reduction.h"
#include "parallel/shard_plan.h"

namespace bertyard {

// The sum whose bits do not depend on the number of ranks (design, 4.4): leaves are added along the
// fixed tree of leaf_tree.h, by this rank as far as it owns both halves of a node, the rest slice
// by slice after each rank has sent its largest subtrees to the slice's owner. Traffic is that of a
// ring where every rank owns one subtree. Borrows device, communicator, gradients and shards; owns,
// in memory of the device, one gradient buffer for each subtree that waits for its other half.
class OrderedReduction : public GradientReduction {
 public:
  struct Options {
    int leaves = 8;
    std::int64_t block_bytes = 25 << 20;  // exchanged at a time
    const ShardPlan* shards = nullptr;    // its buckets are the blocks; nothing is sent back
  };
  // `gradients` f32 [n]. Throws UsageError where there are fewer leaves than ranks.
  OrderedReduction(Device& device, Communicator& communicator, TensorView gradients,
                   const Options& options);

  // What the constructor will allocate for a buffer of so many elements.
  static std::size_t bytes(std::int64_t elements, int rank, int ranks, const Options& options);

  int leaves() const override { return options_.leaves; }
  LeafRange own_leaves() const override { return own_; }
  void gradients_ready_up_to(std::int64_t) override {}
  void leaf_done() override;
  void finish() override;
  void check() override { communicator_.check(); }

 private:
  // A sum over `leaves`, in the gradient buffer itself or in a buffer of ours.
  struct Partial {
    LeafRange leaves;
    TensorView values;
  };

  using Block = ShardPlan::Bucket;

  TensorView free_buffer();
  void push(const LeafRange& leaf, TensorView values);
  void reduce_block(const Block& block);
  void send_subtree(std::size_t index, const Block& block);
  TensorView received(int rank, std::size_t subtree, std::int64_t slice) const;
  // The sum of `node` for this rank's slice, in one of the received buffers.
  TensorView combine(const LeafRange& node, std::int64_t slice);

  Device& device_;
  Communicator& communicator_;
  TensorView gradients_;
  Options options_;
  std::vector<Block> blocks_;
  LeafRange own_;
  std::vector<std::vector<LeafRange>> subtrees_;  // by rank
  std::size_t most_subtrees_ = 0;
  Arena arena_;
  std::vector<TensorView> buffers_;
  TensorView sent_, received_, gathered_;
  std::vector<Partial> partials_;
  int next_leaf_ = 0;
};

}  // namespace bertyard
