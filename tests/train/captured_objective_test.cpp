// SPDX-License-Identifier: Apache-2.0
// Micro-batches as graphs on an emulated GPU, whose replay reads memory anew as CUDA's does.
#include "train/captured_objective.h"

#include <gtest/gtest.h>

#include "tests/support/device_model.h"
#include "tests/train/small_device_model.h"

namespace bertyard {
namespace {

using testing::batch_of;
using testing::small_model;

class CapturedObjectiveTest : public ::testing::Test {
 protected:
  static constexpr MicroBatchCapacities kCapacities{120, 6, 40};

  CapturedObjectiveTest() {
    for (testing::DeviceModel* model : {&plain_, &replayed_}) {
      model->set_values(testing::drawn_weights(small_model()));
    }
  }
  static testing::DeviceModel make_model() {
    return testing::DeviceModel(
        make_cuda_device({}), small_model(),
        {kCapacities.tokens, kCapacities.sequences, kCapacities.masked, 40, DType::bf16});
  }
  // The gradients of three micro-batches of other samples and lengths each.
  static std::vector<float> gradients(testing::DeviceModel& model, Objective& objective) {
    model.device().set_zero(model.parameters().gradients(), model.device().compute_stream());
    objective.begin({60, 12});
    for (const std::uint64_t first : {0u, 4u, 9u}) {
      objective.train(model.upload(batch_of(first, first + 4)), {});
    }
    return model.on_host(model.parameters().gradients());
  }

  testing::DeviceModel plain_ = make_model(), replayed_ = make_model();
  CapturedObjective captured_{replayed_.objective(), replayed_.device()};
};

TEST_F(CapturedObjectiveTest, ReplaysOtherMicroBatchesOfTheSameCapacities) {
  const std::vector<float> expected = gradients(plain_, plain_.objective());
  const std::vector<float> found = gradients(replayed_, captured_);

  EXPECT_EQ(captured_.replayed(), 2);
  EXPECT_EQ(found, expected);
  EXPECT_EQ(replayed_.on_host(replayed_.parameters().values()),
            plain_.on_host(plain_.parameters().values()));
}

TEST_F(CapturedObjectiveTest, ReadsWeightsAnew) {
  gradients(replayed_, captured_);
  for (testing::DeviceModel* model : {&plain_, &replayed_}) {
    std::vector<float> doubled = testing::drawn_weights(small_model());
    for (float& value : doubled) value *= 2;
    model->set_values(doubled);
  }

  EXPECT_EQ(gradients(replayed_, captured_), gradients(plain_, plain_.objective()));
  EXPECT_EQ(captured_.replayed(), 5);
}

TEST_F(CapturedObjectiveTest, AnotherPhaseIsRecordedAnew) {
  gradients(replayed_, captured_);
  for (testing::DeviceModel* model : {&plain_, &replayed_}) {
    model->batch().resize({110, 5, 36}, 36);
  }

  EXPECT_EQ(gradients(replayed_, captured_), gradients(plain_, plain_.objective()));
  EXPECT_EQ(captured_.replayed(), 4);
}

TEST_F(CapturedObjectiveTest, GradientsAreReadyAtTheEnd) {
  std::int64_t ready = 0;
  for (int i = 0; i < 2; ++i) {
    ready = 0;
    captured_.begin({60, 12});
    captured_.train(replayed_.upload(batch_of(0, 4)), [&](std::int64_t upto) { ready = upto; });
    EXPECT_EQ(ready, replayed_.parameters().flat_elements());
  }
  EXPECT_EQ(captured_.replayed(), 1);
}

}  // namespace
}  // namespace bertyard
