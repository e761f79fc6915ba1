// SPDX-License-Identifier: Apache-2.0
// A tiny BertForPreTraining whose losses and gradients are known from float64 computed elsewhere.
#include <cmath>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/pretraining_rig.h"
#include "tests/support/test_data.h"
#include "train/huggingface/huggingface.h"

namespace bertyard {
namespace {

using nlohmann::json;

constexpr const char* kToy = "peers/bert_toy";

json read_json(const std::string& name) {
  std::ifstream file(testing::test_data() / kToy / name);
  return json::parse(file);
}

// The published batch: 13 sequences of 7, a label at every position, keys masked out by -10000.
testing::PackedExample toy_batch() {
  const json batch = read_json("batch.json");
  testing::PackedExample example({}, 1, 1, 0);
  example.max_length = 7;
  for (std::size_t n = 0; n < batch["input_ids"].size(); ++n) {
    for (std::size_t s = 0; s < batch["input_ids"][n].size(); ++s) {
      example.masked_rows.push_back(static_cast<std::int32_t>(example.tokens.size()));
      example.masked_labels.push_back(batch["masked_lm_ids"][n][s]);
      example.tokens.push_back(batch["input_ids"][n][s]);
      example.positions.push_back(static_cast<std::int32_t>(s));
      example.segments.push_back(batch["token_type_ids"][n][s]);
      example.samples.push_back(n);
      example.key_mask.push_back(batch["input_mask"][n][s] == 0 ? 1 : 0);
    }
    example.offsets.push_back(static_cast<std::int32_t>(example.tokens.size()));
    example.sentence_labels.push_back(batch["next_sentence_labels"][n]);
  }
  return example;
}

class ToyOracle : public ::testing::Test {
 protected:
  void SetUp() override {
    BERTYARD_REQUIRE_TEST_DATA(kToy);
    const auto directory = testing::test_data() / kToy;
    example_.emplace(toy_batch());
    const ModelConfig config = read_huggingface_config(directory);
    rig_.emplace(config, example_->capacities(), 0);
    load_huggingface_weights(directory, rig_->parameters(), MissingHeads::refuse);
    expected_ = read_json("expected_float64.json");
  }

  static double norm(const std::vector<double>& values) {
    double squares = 0;
    for (const double value : values) squares += value * value;
    return std::sqrt(squares);
  }

  std::optional<testing::PackedExample> example_;
  std::optional<testing::PretrainingRig> rig_;
  json expected_;
};

TEST_F(ToyOracle, LossesAgreeToOneInAHundredThousand) {
  const auto losses = rig_->forward(example_->view());

  EXPECT_NEAR(losses.mlm, expected_["mlm_loss"].get<double>(), 1e-5);
  EXPECT_NEAR(losses.sentence, expected_["nsp_loss"].get<double>(), 1e-5);
}

TEST_F(ToyOracle, EvaluationGivesTheLogitsAndTheHiddenStates) {
  rig_->forward(example_->view(), Mode::evaluation);

  const auto compare = [](const TensorView& found, const std::vector<double>& expected) {
    ASSERT_EQ(static_cast<std::size_t>(found.elements()), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      ASSERT_NEAR(found.as<float>()[i], expected[i], 2e-5) << i;
    }
  };
  const PretrainingModel& model = rig_->model();
  compare(model.encoder().hidden_state(rig_->arena(), 4, 91), expected_["sequence_output"]);
  compare(model.mlm().logits(rig_->arena(), 91), expected_["prediction_scores"]);
  compare(model.next_sentence().logits(rig_->arena(), 13), expected_["seq_relationship_score"]);
}

// Norm of the error at most 1e-5 of the gradient's own norm, or of 1e-3 of all gradients' where it
// is smaller still: the key biases' are zero in theory.
TEST_F(ToyOracle, AllGradientsAgreeInFloat32) {
  rig_->forward_backward(example_->view());
  const ParameterStore& store = rig_->parameters();
  const json& gradients = expected_["gradients"];
  double all = 0;
  for (const auto& [name, gradient] : gradients.items()) {
    all = std::hypot(all, norm(gradient["data"].get<std::vector<double>>()));
  }
  ASSERT_EQ(gradients.size(), 94u);
  ASSERT_EQ(store.size(), 94);

  for (const auto& [name, gradient] : gradients.items()) {
    const auto id = store.find(name);
    ASSERT_TRUE(id) << name;
    const auto expected = gradient["data"].get<std::vector<double>>();
    const TensorView found = store.gradient(*id);
    ASSERT_EQ(static_cast<std::size_t>(found.elements()), expected.size()) << name;
    std::vector<double> error;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      error.push_back(found.as<float>()[i] - expected[i]);
    }
    EXPECT_LE(norm(error), 1e-5 * std::max(norm(expected), 1e-3 * all)) << name;
  }
}

}  // namespace
}  // namespace bertyard
