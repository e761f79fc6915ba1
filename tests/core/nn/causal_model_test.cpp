// SPDX-License-Identifier: Apache-2.0
// What makes a model causal: which tokens a prediction may depend on, and which heads there are.
#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/pretraining_rig.h"

namespace bertyard {
namespace {

using testing::PackedExample;
using testing::PretrainingRig;

constexpr std::int64_t kVocabulary = 53;

ModelConfig small_config(AttentionDirection attention) {
  ModelConfig config;
  config.vocab_size = kVocabulary;
  config.layers = 3;
  config.hidden = 32;
  config.heads = 2;
  config.intermediate = 48;
  config.max_positions = 40;
  config.init_range = 0.3;
  config.attention = attention;
  return config;
}

// Sequences of 37 and 9 tokens without holes, every token predicted.
PackedExample two_sequences() {
  PackedExample example({37, 9}, kVocabulary, 2, 11);
  std::fill(example.key_mask.begin(), example.key_mask.end(), 0);
  example.masked_rows.clear();
  for (std::size_t row = 0; row < example.tokens.size(); ++row) {
    example.masked_rows.push_back(static_cast<std::int32_t>(row));
  }
  example.masked_labels.assign(example.tokens.begin(), example.tokens.end());
  return example;
}

std::vector<float> logits(PretrainingRig& rig, const PackedExample& example) {
  rig.forward(example.view(), Mode::evaluation);
  const TensorView view =
      rig.model().mlm().logits(rig.arena(), static_cast<std::int64_t>(example.tokens.size()));
  const auto span = view.span<float>();
  return {span.begin(), span.end()};
}

// The rows of logits that change when the tokens from `first` on do.
std::vector<std::size_t> changed_rows(AttentionDirection attention, std::size_t first) {
  PackedExample example = two_sequences();
  PretrainingRig rig(small_config(attention), example.capacities(), 5);
  const std::vector<float> before = logits(rig, example);
  for (std::size_t row = first; row < example.tokens.size(); ++row) {
    example.tokens[row] = (example.tokens[row] + 1) % static_cast<std::int32_t>(kVocabulary);
  }
  const std::vector<float> after = logits(rig, example);
  std::vector<std::size_t> rows;
  for (std::size_t row = 0; row < example.tokens.size(); ++row) {
    const auto begin = before.begin() + static_cast<std::ptrdiff_t>(row * kVocabulary);
    const auto same = after.begin() + static_cast<std::ptrdiff_t>(row * kVocabulary);
    if (!std::equal(begin, begin + kVocabulary, same)) rows.push_back(row);
  }
  return rows;
}

std::vector<std::size_t> rows_from(std::size_t first, std::size_t end) {
  std::vector<std::size_t> rows;
  for (std::size_t row = first; row < end; ++row) rows.push_back(row);
  return rows;
}

TEST(CausalModel, APredictionDoesNotDependOnLaterTokens) {
  for (const std::size_t first : {1u, 8u, 16u, 36u}) {
    EXPECT_EQ(changed_rows(AttentionDirection::causal, first), rows_from(first, 46)) << first;
  }
}

TEST(CausalModel, ABidirectionalOnesDoes) {
  EXPECT_EQ(changed_rows(AttentionDirection::bidirectional, 36), rows_from(0, 46));
}

TEST(CausalModel, HasNoPoolerAndNoHeadForPairs) {
  ParameterStore store;
  const ModelConfig config = small_config(AttentionDirection::causal);
  const PretrainingModel model(config, SentenceObjective::next_sentence, store);

  EXPECT_FALSE(store.find("bert.pooler.dense.weight"));
  EXPECT_FALSE(store.find("cls.seq_relationship.weight"));
  EXPECT_TRUE(store.find("cls.predictions.transform.dense.weight"));
  EXPECT_EQ(store.parameter_count(), config.parameter_count());
}

// Memory of the logits does not grow with the micro-batch.
TEST(CausalModel, PlansNoMoreLogitsThanItHoldsAtOnce) {
  ModelConfig config = small_config(AttentionDirection::causal);
  config.vocab_size = 20000;
  const auto bytes = [&config](std::int64_t predicted) {
    ParameterStore store;
    PretrainingModel model(config, SentenceObjective::none, store);
    ArenaPlan plan;
    model.plan(plan, {8192, 64, predicted, 128}, Mode::training);
    return static_cast<double>(plan.bytes());
  };
  constexpr double kLogits = PretrainingModel::kLogitRows * 20000.0 * sizeof(float);

  EXPECT_LT(bytes(8192) - bytes(PretrainingModel::kLogitRows), 0.01 * kLogits);
  EXPECT_GT(bytes(PretrainingModel::kLogitRows) - bytes(1), 0.99 * kLogits);
}

}  // namespace
}  // namespace bertyard
