// SPDX-License-Identifier: Apache-2.0
// The gathering of dealt-out optimizer state on GPUs, whose collectives end on a stream and not in
// the call. The GPU is emulated, the ranks are threads.
#include <gtest/gtest.h>

#include "parallel/host_staged_communicator.h"
#include "parallel/sharded_optimizer.h"
#include "parallel/thread_group.h"
#include "train/run_checkpoints.h"

namespace bertyard {
namespace {

// Hands on every collective and remembers where the compute stream stood after the last one.
class TracedCommunicator final : public Communicator {
 public:
  TracedCommunicator(Device& device, Communicator& inner)
      : Communicator(inner.rank(), inner.size()), device_(device), inner_(inner) {}
  std::string_view name() const override { return inner_.name(); }
  bool last_one_has_ended() const { return passed_->done(); }

 private:
  Pending traced(Pending operation) {
    auto inside = std::make_shared<Pending>(std::move(operation));
    return Pending(
        [this, inside] {
          inside->wait();
          passed_->record(device_.compute_stream());
        },
        [inside] { return inside->complete(); });
  }
  Pending start_all_reduce_sum(TensorView values) override {
    return traced(inner_.all_reduce_sum(values));
  }
  Pending start_reduce_scatter_sum(ConstTensorView in, TensorView out) override {
    return traced(inner_.reduce_scatter_sum(in, out));
  }
  Pending start_all_gather(ConstTensorView in, TensorView out) override {
    return traced(inner_.all_gather(in, out));
  }
  Pending start_all_to_all(ConstTensorView in, TensorView out) override {
    return traced(inner_.all_to_all(in, out));
  }
  Pending start_all_gather_parts(TensorView values, std::span<const std::int64_t> cuts) override {
    return traced(inner_.all_gather_parts(values, cuts));
  }
  Pending start_broadcast(TensorView values, int root) override {
    return traced(inner_.broadcast(values, root));
  }
  Pending start_barrier() override { return inner_.barrier(); }

  Device& device_;
  Communicator& inner_;
  std::unique_ptr<Event> passed_ = device_.make_event();
};

// A rank that has assisted may leave the run: nothing that it owes the others is still to come.
TEST(SharedCheckpoint, WhoAssistsHasGivenItsPartWhenTheCallReturns) {
  ThreadGroup group(2);
  group.run([](Communicator& ranks, ControlPlane& /*control*/) {
    const auto gpu = make_cuda_device({});
    HostStagedCommunicator staged(*gpu, ranks);
    TracedCommunicator traced(*gpu, staged);
    ParameterStore parameters;
    parameters.add("weight", {50, 300}, WeightDecay::yes);
    const Buffer memory =
        gpu->allocate(2 * static_cast<std::size_t>(parameters.flat_elements()) * sizeof(float));
    const TensorView both(memory.data(), DType::f32, {2 * parameters.flat_elements()});
    gpu->set_zero(both, gpu->compute_stream());
    parameters.bind(both.slice(0, parameters.flat_elements()),
                    both.slice(parameters.flat_elements(), parameters.flat_elements()));
    const ShardPlan shards(parameters, 1 << 14, ranks.size());
    ShardedOptimizer exchange(traced, shards);
    Optimizer optimizer({}, parameters, shards.shard(ranks.rank()));
    optimizer.connect(exchange);
    ArenaPlan plan;
    optimizer.plan(plan);
    const Arena arena(gpu->allocate(plan.bytes()));
    optimizer.bind(arena, *gpu);
    const RunCheckpoints checkpoints({}, *gpu, parameters, optimizer);
    // Buckets of one chunk each: rank 0 has them all, and takes part like the other.
    ASSERT_FALSE(optimizer.holds_everything());

    checkpoints.assist();

    EXPECT_TRUE(traced.last_one_has_ended());
  });
}

}  // namespace
}  // namespace bertyard
