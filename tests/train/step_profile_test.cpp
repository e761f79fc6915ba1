// SPDX-License-Identifier: Apache-2.0
#include "train/step_profile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/backend/layer_ops.h"
#include "core/nn/initialization.h"
#include "parallel/thread_group.h"
#include "train/model_memory.h"
#include "train/step_flops.h"

namespace bertyard {
namespace {

TEST(StepFlops, BertBaseOfEightTimes128Is559Gflop) {
  // 522 in the layers, 14 in attention, 23 in the head of 20 masked tokens a sequence.
  const double flops = step_flops(*model_preset("bert-base"),
                                  {.tokens = 1024, .masked = 160, .keys_per_token = 128});

  EXPECT_NEAR(flops * 1e-9, 559, 1);
}

// Of a token and layer each way 2 (4 C 2 H + C H), of a prediction 2 H V, three times forward.
TEST(StepFlops, OfAnElmoAreGatesProjectionsAndSoftmax) {
  ModelConfig elmo = *model_preset("elmo");
  elmo.vocab_size = 1000;

  const double flops = step_flops(elmo, {.tokens = 10, .masked = 18, .keys_per_token = 128});

  const double lstm = 2 * (4 * 4096.0 * 2 * 512 + 4096.0 * 512);
  EXPECT_DOUBLE_EQ(flops, 3 * (10 * 2 * 2 * lstm + 18 * 2 * 512 * 1000.0));
}

TEST(StepProfile, MedianIsTheMiddle) {
  EXPECT_EQ(median({}), 0);
  EXPECT_EQ(median({3, 1, 100}), 3);
  EXPECT_EQ(median({4, 1, 2, 100}), 3);
}

TEST(StepProfile, TimesAreMeansOverRanks) {
  ThreadGroup group(3);

  group.run([](Communicator& communicator, ControlPlane&) {
    std::vector<StepProfile::Step> steps(2);
    steps[0].times.total = 1 + communicator.rank();
    steps[1].times.update = 10 * communicator.rank();

    const std::vector<StepTimes> means = mean_over_ranks(steps, communicator);

    ASSERT_EQ(means.size(), 2u);
    EXPECT_DOUBLE_EQ(means[0].total, 2);
    EXPECT_DOUBLE_EQ(means[1].update, 10);
    EXPECT_DOUBLE_EQ(means[0].update, 0);
  });
}

TEST(StepProfile, OtherIsWhatIsLeftOfTheStep) {
  const StepTimes times{
      .total = 21, .data = 1, .forward = 2, .backward = 3, .communication = 4, .update = 5};

  EXPECT_DOUBLE_EQ(times.other(), 6);
}

// A tiny model with one micro-batch in place, trained by `objective`.
class TimedObjectiveTest : public ::testing::Test {
 protected:
  TimedObjectiveTest()
      : device_(make_cpu_device({.threads = 1})),
        objective_(config(), SentenceObjective::next_sentence, 5),
        optimizer_({}, objective_.parameters()),
        memory_(objective_, batch_, &optimizer_, {8, 2, 3, 5}) {
    memory_.allocate(*device_);
    initialize(objective_.parameters(), config(), 1);
    device_->layer_ops().weights_changed();
  }

  static ModelConfig config() {
    ModelConfig config;
    config.vocab_size = 11;
    config.layers = 1;
    config.hidden = 8;
    config.heads = 2;
    config.intermediate = 16;
    config.max_positions = 8;
    return config;
  }

  static Batch tiny_batch() {
    Batch batch;
    batch.tokens = {1, 5, 2, 6, 2, 1, 7, 2};
    batch.positions = {0, 1, 2, 3, 4, 0, 1, 2};
    batch.segments = {0, 0, 0, 1, 1, 0, 0, 0};
    batch.cu_seqlens = {0, 5, 8};
    batch.samples = {0, 0, 0, 0, 0, 1, 1, 1};
    batch.global_indices = batch.sample_ids = {0, 1};
    batch.masked_rows = {1, 3, 6};
    batch.masked_labels = {4, 8, 9};
    batch.next_sentence_labels = {0, 1};
    return batch;
  }

  // The gradients of one training pass.
  std::vector<float> gradients_of(Objective& objective) {
    const TensorView gradients = objective_.parameters().gradients();
    device_->set_zero(gradients, device_->compute_stream());
    objective.begin({3, 2});
    objective.train(batch_.upload(tiny_batch()), {});
    const auto values = gradients.span<float>();
    return {values.begin(), values.end()};
  }

  std::unique_ptr<Device> device_;
  PretrainingObjective objective_;
  Optimizer optimizer_;
  DeviceBatch batch_;
  ModelMemory memory_;
};

TEST_F(TimedObjectiveTest, TrainsAsTheObjectiveItself) {
  TimedObjective timed(objective_, *device_);

  const std::vector<float> plain = gradients_of(objective_), watched = gradients_of(timed);

  EXPECT_EQ(plain, watched);
  EXPECT_NE(plain, std::vector<float>(plain.size()));
}

TEST_F(TimedObjectiveTest, TakeStartsAnew) {
  TimedObjective timed(objective_, *device_);
  gradients_of(timed);
  gradients_of(timed);

  const TimedObjective::Spent spent = timed.take(), nothing = timed.take();

  EXPECT_EQ(spent.micro_batches, 2);
  EXPECT_GT(spent.forward, 0);
  EXPECT_GT(spent.backward, 0);
  EXPECT_EQ(nothing.micro_batches, 0);
  EXPECT_EQ(nothing.forward, 0);
  EXPECT_EQ(nothing.backward, 0);
}

TEST_F(TimedObjectiveTest, WhatTrainsBothHalvesAtOnceHasOneTime) {
  PretrainingObjective& whole = objective_;
  TimedObjective timed(objective_, *device_, &whole);

  const std::vector<float> plain = gradients_of(objective_), watched = gradients_of(timed);

  EXPECT_EQ(plain, watched);
  const TimedObjective::Spent spent = timed.take();
  EXPECT_EQ(spent.micro_batches, 1);
  EXPECT_GT(spent.together, 0);
  EXPECT_EQ(spent.forward + spent.backward, 0);
}

TEST_F(TimedObjectiveTest, WarmUpStepsAreNotRecorded) {
  TimedObjective timed(objective_, *device_);
  StepProfile profile(timed, /*warmup_steps=*/2);
  for (std::int64_t step = 1; step <= 5; ++step) {
    gradients_of(timed);
    StepReport report;
    report.state.step = step;
    report.seconds = static_cast<double>(step);
    report.update_seconds = 0.5;
    report.counts = {3, 2};
    report.tokens = 8;
    profile.step_done(report);
  }

  ASSERT_EQ(profile.steps().size(), 3u);
  EXPECT_EQ(profile.steps()[0].times.total, 3);
  EXPECT_EQ(profile.steps()[2].times.total, 5);
  EXPECT_EQ(profile.steps()[0].times.update, 0.5);
  EXPECT_EQ(profile.steps()[0].micro_batches, 1);
  EXPECT_EQ(profile.steps()[0].counts.masked, 3);
  EXPECT_EQ(profile.steps()[0].tokens, 8);
}

}  // namespace
}  // namespace bertyard
