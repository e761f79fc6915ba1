// SPDX-License-Identifier: Apache-2.0
// Central differences through the whole pre-training model, one tensor at a time, so that every
// layer's and head's backward is held against its own forward.
#include <cmath>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/base/philox.h"
#include "tests/support/gradient_check.h"
#include "tests/support/pretraining_rig.h"

namespace bertyard {
namespace {

using testing::PackedExample;
using testing::PretrainingRig;

ModelConfig odd_config(Activation activation,
                       AttentionDirection attention = AttentionDirection::bidirectional) {
  ModelConfig config;
  config.vocab_size = 53;
  config.layers = 2;
  config.hidden = 24;
  config.heads = 3;
  config.intermediate = 37;
  config.max_positions = 19;
  config.segments = 3;
  config.activation = activation;
  config.attention = attention;
  config.init_range = 0.3;  // far from the linear regime of small weights
  config.norm_epsilon = 1e-12;
  config.dropout = 0.2;  // keyed by place in the data, so the loss is a smooth function
  config.attention_dropout = 0.2;
  return config;
}

std::vector<float> random_direction(std::size_t size, std::uint64_t seed) {
  PhiloxSequence draws(seed, RandomPurpose::initialization, 1, 0);
  std::vector<float> direction(size);
  double squares = 0;
  for (float& value : direction) {
    value = static_cast<float>(draws.next_unit() - 0.5);
    squares += static_cast<double>(value) * value;
  }
  for (float& value : direction) value /= static_cast<float>(std::sqrt(squares));
  return direction;
}

void expect_central_differences(const ModelConfig& config, const PackedExample& example) {
  PretrainingRig rig(config, example.capacities(), 5);
  const PackedInput input = example.view();
  rig.forward_backward(input);
  ParameterStore& store = rig.parameters();
  const std::vector<float> gradients(store.gradients().as<float>(),
                                     store.gradients().as<float>() + store.flat_elements());

  for (int i = 0; i < store.size(); ++i) {
    const ParameterInfo& info = store.info({i});
    const auto direction = random_direction(static_cast<std::size_t>(info.shape.elements()),
                                            static_cast<std::uint64_t>(i));
    double expected = 0;
    double norm = 0;
    for (std::size_t k = 0; k < direction.size(); ++k) {
      const double g = gradients[static_cast<std::size_t>(info.offset) + k];
      expected += g * direction[k];
      norm += g * g;
    }

    const double measured =
        testing::derivative_along(store.value(ParameterId{i}).span<float>(), direction,
                                  [&] { return rig.forward(input).total(); });

    // f32 losses carry about 1e-6 of noise, divided by the step; the stencil's own error is below.
    EXPECT_NEAR(measured, expected, 2e-4 + 2e-3 * std::sqrt(norm)) << info.name;
  }
}

class ModelGradient : public ::testing::TestWithParam<Activation> {};

TEST_P(ModelGradient, MatchesCentralDifferencesForEveryTensor) {
  expect_central_differences(odd_config(GetParam()), PackedExample({7, 19, 1, 12}, 53, 3, 11));
}

TEST_P(ModelGradient, OfACausalModelMatchesThemToo) {
  expect_central_differences(odd_config(GetParam(), AttentionDirection::causal),
                             PackedExample({7, 19, 1, 12}, 53, 3, 11));
}

// The head takes its rows in parts; here the last one is smaller than the others.
TEST(CausalGradient, IsThatOfAllRowsWhereTheyTakeSeveralParts) {
  const std::vector<std::int32_t> lengths(60, 19);
  PackedExample example(lengths, 53, 3, 11);
  example.masked_rows.clear();
  example.masked_labels.clear();
  for (std::size_t row = 0; row < example.tokens.size(); ++row) {
    example.masked_rows.push_back(static_cast<std::int32_t>(row));
    example.masked_labels.push_back(static_cast<std::int32_t>(row * 7 % 53));
  }
  ASSERT_GT(example.capacities().masked, PretrainingModel::kLogitRows);

  expect_central_differences(odd_config(Activation::gelu_tanh, AttentionDirection::causal),
                             example);
}

INSTANTIATE_TEST_SUITE_P(Activations, ModelGradient,
                         ::testing::Values(Activation::gelu_tanh, Activation::gelu_erf));

TEST(PretrainingModel, GradientsReadyRisesToTheEndOfTheBuffer) {
  const PackedExample example({5, 6}, 53, 3, 3);
  PretrainingRig rig(odd_config(Activation::gelu_erf), example.capacities(), 5);
  std::vector<std::int64_t> seen;

  rig.forward_backward(example.view(), [&](std::int64_t elements) { seen.push_back(elements); });

  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
  EXPECT_EQ(seen.size(), 4u);  // heads, two layers, embedding
  EXPECT_EQ(seen.back(), rig.parameters().flat_elements());
}

TEST(PretrainingModel, PackingDoesNotChangeASamplesLoss) {
  const PackedExample both({7, 12}, 53, 3, 21);
  PretrainingRig rig(odd_config(Activation::gelu_tanh), both.capacities(), 5);
  const auto losses = rig.forward(both.view());

  const auto part = [&](std::int64_t first, std::int64_t count, std::int32_t row,
                        std::int64_t first_mask, std::int64_t masks) {
    PackedInput input = both.view();
    std::vector<std::int32_t> offsets{0, static_cast<std::int32_t>(count)};
    std::vector<std::int32_t> rows(both.masked_rows.begin() + first_mask,
                                   both.masked_rows.begin() + first_mask + masks);
    for (std::int32_t& r : rows) r -= static_cast<std::int32_t>(first);
    input.indices = {input.indices.token.slice(first, count),
                     input.indices.position.slice(first, count),
                     input.indices.segment.slice(first, count)};
    input.packing.offsets = view_of(std::span<const std::int32_t>(offsets));
    input.packing.key_mask = input.packing.key_mask.slice(first, count);
    input.sample = input.sample.slice(first, count);
    input.masked_rows = view_of(std::span<const std::int32_t>(rows));
    input.masked_labels = input.masked_labels.slice(first_mask, masks);
    input.sentence_labels = input.sentence_labels.slice(row, 1);
    return rig.forward(input).mlm * static_cast<double>(masks);
  };

  const double apart = part(0, 7, 0, 0, 2) + part(7, 12, 1, 2, 4);

  EXPECT_NEAR(apart, losses.mlm * 6, 1e-5);  // f32 products of other shapes round differently
}

}  // namespace
}  // namespace bertyard
