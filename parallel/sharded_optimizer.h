// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "core/optim/optimizer_shard.h"
#include "parallel/communicator.h"
#include "parallel/shard_plan.h"

namespace bertyard {

// Joins the Optimizer of a rank's shard to those of the other ranks (ZeRO-1): sums of squares are
// gathered, and each bucket of new weights while the next one is being updated. Borrows both.
class ShardedOptimizer final : public ShardExchange {
 public:
  ShardedOptimizer(Communicator& communicator, const ShardPlan& plan);

  void add(TensorView sums) override;
  void share(TensorView flat, std::size_t index) override;
  void finish() override;

 private:
  Communicator& communicator_;
  const ShardPlan& plan_;
  std::vector<Pending> pending_;
};

}  // namespace bertyard
