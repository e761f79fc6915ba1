// SPDX-License-Identifier: Apache-2.0
#include "parallel/gradient_buckets.h"

#include <algorithm>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "parallel/single_communicator.h"
#include "parallel/thread_group.h"

namespace bertyard {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

// Offsets 0, 112, 128, 208; 272 elements.
ParameterStore toy_store() {
  ParameterStore store;
  store.add("layer.1.weight", {10, 10}, WeightDecay::yes);
  store.add("layer.1.bias", {10}, WeightDecay::no);
  store.add("layer.0.weight", {10, 8}, WeightDecay::yes);
  store.add("embeddings", {8, 8}, WeightDecay::yes);
  return store;
}

std::vector<float> gradients_of(int rank, const ParameterStore& store) {
  std::vector<float> gradients(static_cast<std::size_t>(store.flat_elements()), 0.0f);
  for (const ParameterInfo& info : store.infos()) {
    for (std::int64_t i = 0; i < info.shape.elements(); ++i) {
      const std::int64_t place = info.offset + i;
      gradients[static_cast<std::size_t>(place)] = 1.0f / static_cast<float>(3 + place + 11 * rank);
    }
  }
  return gradients;
}

std::vector<float> serial_sum(int ranks, const ParameterStore& store) {
  std::vector<float> sum = gradients_of(0, store);
  for (int rank = 1; rank < ranks; ++rank) {
    const std::vector<float> more = gradients_of(rank, store);
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += more[i];
  }
  return sum;
}

TEST(GradientBuckets, CutsAtParametersAndKeepsTheLastApart) {
  const ParameterStore store = toy_store();
  SingleCommunicator communicator;
  std::vector<float> gradients(272);

  const GradientBuckets tiny(communicator, store, view_of(std::span<float>(gradients)), 4);
  const GradientBuckets middle(communicator, store, view_of(std::span<float>(gradients)), 500);
  const GradientBuckets huge(communicator, store, view_of(std::span<float>(gradients)), 1 << 20);

  const auto ends = [](const GradientBuckets& buckets) {
    std::vector<std::int64_t> offsets;
    for (const auto& bucket : buckets.buckets()) offsets.push_back(bucket.first + bucket.count);
    return offsets;
  };
  EXPECT_THAT(ends(tiny), ::testing::ElementsAre(112, 128, 208, 272));
  EXPECT_THAT(ends(middle), ::testing::ElementsAre(128, 208, 272));
  EXPECT_THAT(ends(huge), ::testing::ElementsAre(208, 272));
}

// What backward announces in each step.
class Announcements : public ::testing::TestWithParam<std::vector<std::int64_t>> {};
INSTANTIATE_TEST_SUITE_P(Patterns, Announcements,
                         ::testing::Values(std::vector<std::int64_t>{},
                                           std::vector<std::int64_t>{112, 128, 208, 272},
                                           std::vector<std::int64_t>{1, 200, 100, 0, 272},
                                           std::vector<std::int64_t>{272}));

TEST_P(Announcements, SumIsTheSerialSumBitForBit) {
  const ParameterStore store = toy_store();
  ThreadGroup group(3);

  group.run([&](Communicator& communicator, ControlPlane&) {
    std::vector<float> gradients(272);
    GradientBuckets buckets(communicator, store, view_of(std::span<float>(gradients)), 300);
    for (int step = 0; step < 3; ++step) {
      const std::vector<float> fresh = gradients_of(communicator.rank(), store);
      std::copy(fresh.begin(), fresh.end(), gradients.begin());
      for (const std::int64_t offset : GetParam()) buckets.gradients_ready_up_to(offset);
      buckets.finish();
      EXPECT_EQ(gradients, serial_sum(3, store));
    }
  });
}

TEST(GradientBuckets, LeavesAloneWhatIsNotReady) {
  const ParameterStore store = toy_store();
  ThreadGroup group(2);

  group.run([&](Communicator& communicator, ControlPlane& control) {
    std::vector<float> gradients = gradients_of(communicator.rank(), store);
    GradientBuckets buckets(communicator, store, view_of(std::span<float>(gradients)), 4);
    buckets.gradients_ready_up_to(127);  // one short of the second bucket's end
    communicator.barrier().wait();       // everything started so far is done
    control.barrier("read", ControlPlane::Seconds(30));
    EXPECT_EQ(gradients[111], serial_sum(2, store)[111]);
    EXPECT_EQ(gradients[112], gradients_of(communicator.rank(), store)[112]);
    buckets.finish();
  });
}

TEST(GradientBuckets, OneRankDoesNothing) {
  const ParameterStore store = toy_store();
  SingleCommunicator communicator;
  std::vector<float> gradients = gradients_of(0, store);
  GradientBuckets buckets(communicator, store, view_of(std::span<float>(gradients)), 4);

  buckets.gradients_ready_up_to(272);
  buckets.finish();

  EXPECT_EQ(gradients, gradients_of(0, store));
}

TEST(GradientBuckets, RefusesSizesThatDoNotFit) {
  const ParameterStore store = toy_store();
  SingleCommunicator communicator;
  std::vector<float> gradients(272);
  const TensorView view = view_of(std::span<float>(gradients));
  GradientBuckets buckets(communicator, store, view, 4);

  EXPECT_THAT([&] { GradientBuckets(communicator, store, view, 0); },
              ThrowsMessage<Error>(HasSubstr("bucket_bytes is 0; it must be above 0")));
  EXPECT_THAT([&] { GradientBuckets(communicator, store, view.slice(0, 271), 4); },
              ThrowsMessage<Error>(HasSubstr("271 gradients for parameters laid out in 272")));
  EXPECT_THAT([&] { buckets.gradients_ready_up_to(273); },
              ThrowsMessage<Error>(HasSubstr("offset 273 of 272")));
}

}  // namespace
}  // namespace bertyard
