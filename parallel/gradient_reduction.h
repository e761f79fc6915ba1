// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "parallel/leaf_tree.h"

namespace bertyard {

// Sums a step's gradients over micro-batches and ranks. The trainer fills the flat gradient buffer
// leaf by leaf; after finish() it holds the sum over all leaves of all ranks, the same bits on
// every rank; with a ShardPlan that is so in this rank's parts, and the rest is undefined.
class GradientReduction {
 public:
  virtual ~GradientReduction() = default;

  // Into how many leaves the step is cut, and which of them this rank computes, in this order.
  virtual int leaves() const = 0;
  virtual LeafRange own_leaves() const = 0;

  // Within the last micro-batch of the last leaf: backward is done with the elements before
  // `offset`, so that their sum over the ranks may begin.
  virtual void gradients_ready_up_to(std::int64_t offset) = 0;
  // The gradient buffer holds the whole sum of this rank's next leaf; it may be cleared afterwards.
  virtual void leaf_done() = 0;
  // Waits for everything; ready for the next step.
  virtual void finish() = 0;
  // Throws where the sums cannot be trusted; to be asked when the device has come behind them.
  virtual void check() {}
};

}  // namespace bertyard
