// SPDX-License-Identifier: Apache-2.0
// Losses of downstream tasks on every device against the CPU's in f32, which its own tests hold
// against their definitions.
#include <gtest/gtest.h>

#include "core/backend/loss_ops.h"
#include "tests/core/backend/device_fixture.h"

namespace bertyard::testing {
namespace {

class LossOperations : public DeviceOps {
 protected:
  LossOps& losses() { return device_->loss_ops(); }
  double tolerance() const {
    return type_ == DType::f32 ? 2e-6 : type_ == DType::bf16 ? 8e-3 : 1e-3;
  }
  ConstTensorView indices(const std::vector<std::int32_t>& values, const Shape& shape) {
    return put_values(values).reshaped(shape);
  }
  TensorView floats(std::int64_t count) {
    return put_values(std::vector<float>(static_cast<std::size_t>(count), -1.0f));
  }
  std::unique_ptr<Device> cpu_ = make_cpu_device({.threads = 1});
};
INSTANTIATE_TEST_SUITE_P(Device, LossOperations, device_cases(), device_case_name);

TEST_P(LossOperations, SquaredError) {
  const DeviceTensor prediction = put(random_tensor({37, 1}, 1));
  const DeviceTensor target = put_f32(random_tensor({37}, 2));
  const ConstTensorView scale = put_values(std::vector<float>{0.25f});
  HostTensor expected = prediction.host, expected_loss({37});
  std::vector<float> factor{0.25f};
  const TensorView loss = floats(37), alone = floats(37);

  losses().squared_error(alone, prediction.view, target.view);
  losses().squared_error_gradient(loss, prediction.view, target.view, scale);
  cpu_->loss_ops().squared_error_gradient(expected_loss.view(), expected.view(), target.host.read(),
                                          view_of(std::span<const float>(factor)));

  expect_near(get(loss), expected_loss.doubles(), 2e-6, "loss");
  expect_near(get(alone), expected_loss.doubles(), 2e-6, "loss alone");
  expect_near(get(prediction.view), expected.doubles(), tolerance(), "gradient");
}

TEST_P(LossOperations, WeightedCrossEntropy) {
  constexpr std::int64_t kRows = 150, kClasses = 7;
  const DeviceTensor logits = put(random_tensor({kRows, kClasses}, 4, 3.0));
  std::vector<std::int32_t> labels;
  for (std::int32_t r = 0; r < kRows; ++r) labels.push_back(r % 9 == 8 ? -1 : r * 5 % 7);
  const std::vector<float> weights{0.5f, 2, 1, 0, 3, 1.5f, 0.25f}, factor{0.125f};
  HostTensor expected = logits.host, loss_on_cpu({kRows}), correct_on_cpu({kRows});
  const TensorView loss = floats(kRows), correct = floats(kRows), alone = floats(kRows);
  const ConstTensorView on_device = put_values(weights);

  losses().weighted_cross_entropy(alone, correct, logits.view, indices(labels, {kRows}), on_device);
  losses().weighted_cross_entropy_gradient(
      loss, correct, logits.view, {indices(labels, {kRows}), on_device, put_values(factor)});
  cpu_->loss_ops().weighted_cross_entropy_gradient(
      loss_on_cpu.view(), correct_on_cpu.view(), expected.view(),
      {view_of(std::span<const std::int32_t>(labels)), view_of(std::span<const float>(weights)),
       view_of(std::span<const float>(factor))});

  expect_near(get(loss), loss_on_cpu.doubles(), 2e-6, "loss");
  expect_near(get(alone), loss_on_cpu.doubles(), 2e-6, "loss alone");
  expect_near(get(correct), correct_on_cpu.doubles(), 0, "correct");
  expect_near(get(logits.view), expected.doubles(), tolerance(), "gradient");
}

// Sequences of 1, 0, 200 and 33 tokens, and tokens behind the last, which have no gradient.
TEST_P(LossOperations, SpanCrossEntropy) {
  const std::vector<std::int32_t> offsets{0, 1, 1, 201, 234},
      labels{0, 0, -1, -1, 150, 199, 32, -1};
  const DeviceTensor logits = put(random_tensor({240, 2}, 7, 3.0));
  const std::vector<float> factor{0.5f};
  HostTensor expected = logits.host, loss_on_cpu({4}), correct_on_cpu({4});
  const TensorView loss = floats(4), correct = floats(4), alone = floats(4);

  losses().span_cross_entropy(alone, correct, logits.view, indices(labels, {4, 2}),
                              indices(offsets, {5}));
  losses().span_cross_entropy_gradient(
      loss, correct, logits.view,
      {indices(labels, {4, 2}), indices(offsets, {5}), put_values(factor)});
  cpu_->loss_ops().span_cross_entropy_gradient(
      loss_on_cpu.view(), correct_on_cpu.view(), expected.view(),
      {view_of(std::span<const std::int32_t>(labels)).reshaped({4, 2}),
       view_of(std::span<const std::int32_t>(offsets)), view_of(std::span<const float>(factor))});

  expect_near(get(loss), loss_on_cpu.doubles(), 2e-6, "loss");
  expect_near(get(alone), loss_on_cpu.doubles(), 2e-6, "loss alone");
  expect_near(get(correct), correct_on_cpu.doubles(), 0, "correct");
  const HostTensor gradient = get(logits.view);
  expect_near(gradient, expected.doubles(), tolerance(), "gradient");
  const std::vector<double> found = gradient.doubles();
  EXPECT_EQ(std::vector<double>(found.begin() + 2 * 234, found.end()), std::vector<double>(2 * 6));
}

TEST_P(LossOperations, DropoutOfChosenRowsIsTheCpus) {
  constexpr std::int64_t kRows = 5, kTokens = 12;
  const DeviceTensor x = put(random_tensor({kRows, 21}, 10));
  const std::vector<std::int32_t> tokens{3, 0, 11, 7, 3};
  std::vector<std::uint64_t> samples;
  std::vector<std::int32_t> positions;
  for (std::int32_t t = 0; t < kTokens; ++t) {
    samples.push_back((1ull << 40) + static_cast<std::uint64_t>(t / 4));
    positions.push_back(t % 4);
  }
  const Dropout dropout{0.3,
                        9,
                        2,
                        DropoutSite::classifier,
                        view_of(std::span<const std::uint64_t>(samples)),
                        view_of(std::span<const std::int32_t>(positions))};
  HostTensor expected = x.host;
  const DeviceTensor y = room({kRows, 21});

  losses().dropout(y.view, x.view, indices(tokens, {kRows}), on_device(dropout));
  cpu_->loss_ops().dropout(expected.view(), expected.view(),
                           view_of(std::span<const std::int32_t>(tokens)), dropout);

  expect_near(get(y.view), expected.doubles(), tolerance(), "y");
}

}  // namespace
}  // namespace bertyard::testing
