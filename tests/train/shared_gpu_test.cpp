// SPDX-License-Identifier: Apache-2.0
// Several ranks on one GPU, their gradients staged through the host: the same losses as one rank.
// The GPU is emulated, the ranks are threads.
#include <cmath>

#include <gtest/gtest.h>

#include "parallel/gradient_buckets.h"
#include "parallel/host_staged_communicator.h"
#include "parallel/thread_group.h"
#include "tests/support/device_model.h"
#include "tests/train/small_device_model.h"

namespace bertyard {
namespace {

using testing::batch_of;
using testing::drawn_weights;
using testing::small_model;

constexpr int kSteps = 3;

// The losses of some steps over the same six samples, shared out evenly among the ranks.
std::vector<double> losses(Communicator& ranks, DType type) {
  const std::uint64_t share = 6 / static_cast<std::uint64_t>(ranks.size());
  const auto first = static_cast<std::uint64_t>(ranks.rank()) * share;
  const Batch whole = batch_of(0, 6);
  const Batch own = batch_of(first, first + share);
  const StepCounts counts{whole.masked_count(), whole.sequence_count()};
  testing::DeviceModel model(
      make_cuda_device({}), small_model(),
      Capacities{own.token_count(), own.sequence_count(), own.masked_count(), 40, type});
  model.set_values(drawn_weights(small_model()));
  const ParameterStore& parameters = model.parameters();
  HostStagedCommunicator staged(model.device(), ranks);
  GradientBuckets buckets(staged, parameters, parameters.gradients(), 64 << 10);
  std::vector<double> result;
  for (int step = 0; step < kSteps; ++step) {
    model.device().set_zero(parameters.gradients(), model.device().compute_stream());
    model.objective().begin(counts);
    model.objective().train(model.upload(own),
                            [&](std::int64_t offset) { buckets.gradients_ready_up_to(offset); });
    buckets.finish();
    std::vector<double> sums(PretrainingObjective::kSums);
    model.device().copy(view_of(std::span(sums)), model.objective().sums(),
                        CopyDirection::device_to_host, model.device().compute_stream());
    model.device().synchronize();
    ranks.all_reduce_sum(view_of(std::span(sums))).wait();
    result.push_back(scores_of(sums, counts).loss());
    EXPECT_TRUE(model.optimizer().step(1e-3, parameters).applied);
  }
  return result;
}

std::vector<double> losses_of(int count, DType type) {
  std::vector<double> result;
  ThreadGroup group(count);
  group.run([&](Communicator& ranks, ControlPlane& /*control*/) {
    const std::vector<double> own = losses(ranks, type);
    if (ranks.rank() == 0) result = own;
  });
  return result;
}

// Gradients differ by the order of their sums alone, and Adam turns that into more where they are
// nearly zero.
TEST(SharedGpu, SeveralRanksHaveTheLossesOfOne) {
  for (const DType type : {DType::f32, DType::bf16}) {
    const std::vector<double> one = losses_of(1, type);
    ASSERT_EQ(one.size(), std::size_t{kSteps});
    EXPECT_LT(one.back(), one.front());
    for (const int count : {2, 3}) {
      const std::vector<double> several = losses_of(count, type);
      ASSERT_EQ(several.size(), one.size());
      EXPECT_NEAR(several[0], one[0], 1e-6 * one[0]) << count << " ranks";
      for (std::size_t step = 1; step < one.size(); ++step) {
        EXPECT_NEAR(several[step], one[step], 1e-4 * one[step]) << count << " ranks, step " << step;
      }
    }
  }
}

}  // namespace
}  // namespace bertyard
