// SPDX-License-Identifier: Apache-2.0
// Micro-batches as graphs on a GPU, the real one or the emulated one, whose replay reads memory
// anew as CUDA's does.
#include "train/captured_objective.h"

#include <array>
#include <memory>

#include <gtest/gtest.h>

#include "core/base/error.h"
#include "tests/support/device_model.h"
#include "tests/train/small_device_model.h"

namespace bertyard {
namespace {

using testing::batch_of;
using testing::small_model;

class CapturedObjectiveTest : public ::testing::Test {
 protected:
  static constexpr MicroBatchCapacities kCapacities{120, 6, 40};

  void SetUp() override {
    try {
      plain_ = make_model();
      replayed_ = make_model();
    } catch (const EnvironmentError& error) {
      GTEST_SKIP() << error.what();
    }
    captured_ = std::make_unique<CapturedObjective>(replayed_->objective(), replayed_->device(),
                                                    ReducedMeanwhile::no);
    for (testing::DeviceModel* model : both()) {
      model->set_values(testing::drawn_weights(small_model()));
    }
    plain_gradients();
  }
  static std::unique_ptr<testing::DeviceModel> make_model() {
    return std::make_unique<testing::DeviceModel>(
        make_cuda_device({}), small_model(),
        Capacities{kCapacities.tokens, kCapacities.sequences, kCapacities.masked, 40, DType::bf16});
  }
  std::array<testing::DeviceModel*, 2> both() { return {plain_.get(), replayed_.get()}; }
  // The gradients of three micro-batches of other samples and lengths each.
  static std::vector<float> gradients(testing::DeviceModel& model, Objective& objective) {
    model.device().set_zero(model.parameters().gradients(), model.device().compute_stream());
    objective.begin({60, 12});
    for (const std::uint64_t first : {0u, 4u, 9u}) {
      objective.train(model.upload(batch_of(first, first + 4)), {});
    }
    return model.on_host(model.parameters().gradients());
  }
  // Comes first, for the other model takes its choices of matrix products: bits depend on them.
  std::vector<float> plain_gradients() {
    std::vector<float> result = gradients(*plain_, plain_->objective());
    (void)replayed_->device().use_kernel_choices(plain_->device().kernel_choices());
    return result;
  }
  std::vector<float> replayed_gradients() { return gradients(*replayed_, *captured_); }

  std::unique_ptr<testing::DeviceModel> plain_, replayed_;
  std::unique_ptr<CapturedObjective> captured_;
};

TEST_F(CapturedObjectiveTest, ReplaysOtherMicroBatchesOfTheSameCapacities) {
  const std::vector<float> expected = plain_gradients();
  const std::vector<float> found = replayed_gradients();

  EXPECT_EQ(captured_->replayed(), 2);
  EXPECT_EQ(found, expected);
  EXPECT_EQ(replayed_->on_host(replayed_->parameters().values()),
            plain_->on_host(plain_->parameters().values()));
}

TEST_F(CapturedObjectiveTest, ReadsWeightsAnew) {
  replayed_gradients();
  for (testing::DeviceModel* model : both()) {
    std::vector<float> doubled = testing::drawn_weights(small_model());
    for (float& value : doubled) value *= 2;
    model->set_values(doubled);
  }

  const std::vector<float> expected = plain_gradients();
  EXPECT_EQ(replayed_gradients(), expected);
  EXPECT_EQ(captured_->replayed(), 5);
}

TEST_F(CapturedObjectiveTest, AnotherPhaseIsRecordedAnew) {
  replayed_gradients();
  for (testing::DeviceModel* model : both()) {
    model->batch().resize({110, 5, 36}, 36);
  }

  const std::vector<float> expected = plain_gradients();
  EXPECT_EQ(replayed_gradients(), expected);
  EXPECT_EQ(captured_->replayed(), 4);
}

TEST_F(CapturedObjectiveTest, GradientsAreReadyAtTheEnd) {
  std::int64_t ready = 0;
  for (int i = 0; i < 2; ++i) {
    ready = 0;
    captured_->begin({60, 12});
    captured_->train(replayed_->upload(batch_of(0, 4)), [&](std::int64_t upto) { ready = upto; });
    EXPECT_EQ(ready, replayed_->parameters().flat_elements());
  }
  EXPECT_EQ(captured_->replayed(), 1);
}

// Buckets are reduced while the backward of a step's last micro-batch goes on.
TEST_F(CapturedObjectiveTest, WhoseGradientsAreReducedMeanwhileRunsAsItIs) {
  CapturedObjective overlapped(replayed_->objective(), replayed_->device(), ReducedMeanwhile::yes);
  std::vector<std::int64_t> offsets;
  for (int step = 0; step < 2; ++step) {
    overlapped.begin({60, 12});
    for (const std::uint64_t first : {0u, 4u, 9u}) {
      const bool last = first == 9;
      const auto note = [&](std::int64_t offset) { offsets.push_back(offset); };
      overlapped.train(replayed_->upload(batch_of(first, first + 4)),
                       last ? GradientsReady(note) : GradientsReady());
    }
  }

  EXPECT_EQ(overlapped.replayed(), 3);  // all but the first of all and the last of each step
  EXPECT_GT(offsets.size(), 4u);
  EXPECT_LT(offsets.front(), replayed_->parameters().flat_elements());
  EXPECT_EQ(offsets.back(), replayed_->parameters().flat_elements());
}

}  // namespace
}  // namespace bertyard
