// SPDX-License-Identifier: Apache-2.0
// Layers that are computed again in backward: the same bits, in a fraction of the memory.
#include <vector>

#include <gtest/gtest.h>

#include "core/base/error.h"
#include "tests/support/pretraining_rig.h"

namespace bertyard {
namespace {

using testing::PackedExample;
using testing::PretrainingRig;

ModelConfig four_layers(AttentionDirection attention) {
  ModelConfig config;
  config.vocab_size = 53;
  config.layers = 4;
  config.hidden = 24;
  config.heads = 3;
  config.intermediate = 96;
  config.max_positions = 19;
  config.attention = attention;
  config.init_range = 0.2;
  config.dropout = 0.2;
  config.attention_dropout = 0.2;
  return config;
}

Capacities recomputed(Capacities capacities) {
  capacities.recompute = Recompute::layers;
  return capacities;
}

std::vector<float> gradients(PretrainingRig& rig, const PackedInput& input) {
  rig.forward_backward(input);
  const TensorView all = rig.parameters().gradients();
  return {all.as<float>(), all.as<float>() + all.elements()};
}

class RecomputeTest : public ::testing::TestWithParam<AttentionDirection> {
 protected:
  const ModelConfig config_ = four_layers(GetParam());
  const PackedExample example_{{7, 19, 1, 12}, 53, 2, 11};
};

TEST_P(RecomputeTest, GivesTheBitsOfWhatWasKept) {
  for (const DType type : {DType::f32, DType::bf16}) {
    Capacities capacities = example_.capacities();
    capacities.activations = type;
    PretrainingRig kept(config_, capacities, 5), again(config_, recomputed(capacities), 5);
    if (!kept.device().computes(type)) GTEST_SKIP() << "no " << name_of(type) << " products here";

    const std::vector<float> expected = gradients(kept, example_.view());

    EXPECT_EQ(gradients(again, example_.view()), expected);
    EXPECT_EQ(again.forward(example_.view(), Mode::evaluation).total(),
              kept.forward(example_.view(), Mode::evaluation).total());
    EXPECT_EQ(gradients(again, example_.view()), expected) << "after an evaluation";
  }
}

// A layer saves qkv (3 H), context, two norms, attended, pre and inner: 7 H and 2 F a token.
TEST_P(RecomputeTest, TakesTheMemoryOfOneLayer) {
  const Capacities capacities = example_.capacities();
  PretrainingRig kept(config_, capacities, 5), again(config_, recomputed(capacities), 5);
  const auto saved = kept.arena().bytes() - again.arena().bytes();

  const double layer = static_cast<double>(capacities.tokens) * 4 *
                       static_cast<double>(7 * config_.hidden + 2 * config_.intermediate);

  EXPECT_NEAR(static_cast<double>(saved), 3 * layer, 0.05 * 3 * layer);
}

INSTANTIATE_TEST_SUITE_P(Directions, RecomputeTest,
                         ::testing::Values(AttentionDirection::bidirectional,
                                           AttentionDirection::causal));

// Their gradient stands where a second forward would put the scores.
TEST(Recompute, RefusesToGiveAttentionScores) {
  const ModelConfig config = four_layers(AttentionDirection::bidirectional);
  const PackedExample example({5, 6}, 53, 2, 3);
  PretrainingRig rig(config, recomputed(example.capacities()), 5);
  PackedInput input = example.view();
  input.packing.key_mask = {};
  rig.forward(input);
  std::vector<float> scores(3 * (25 + 36));
  const EncoderTaps taps{.scores = [&](std::int64_t) { return view_of(std::span(scores)); },
                         .output = {},
                         .add_gradient = {}};
  const Pass pass{rig.device().layer_ops(), rig.parameters(), input, Mode::training, 7};

  EXPECT_THROW(rig.model().encoder().backward(pass, rig.arena(), {}, &taps), Error);
}

}  // namespace
}  // namespace bertyard
