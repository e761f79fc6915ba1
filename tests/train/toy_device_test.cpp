// SPDX-License-Identifier: Apache-2.0
// bert_toy, whose losses and gradients are known from float64 computed elsewhere, on every device
// and in every precision: toy_oracle_test.cpp put together as the trainer does it.
#include <cmath>
#include <fstream>
#include <tuple>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "tests/support/device_model.h"
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

// 13 sequences of 7, a label at every position, keys masked out by -10000.
Batch toy_batch() {
  const json published = read_json("batch.json");
  Batch batch;
  batch.cu_seqlens = {0};
  for (std::size_t n = 0; n < published["input_ids"].size(); ++n) {
    for (std::size_t s = 0; s < published["input_ids"][n].size(); ++s) {
      batch.masked_rows.push_back(static_cast<std::int32_t>(batch.tokens.size()));
      batch.masked_labels.push_back(published["masked_lm_ids"][n][s]);
      batch.tokens.push_back(published["input_ids"][n][s]);
      batch.positions.push_back(static_cast<std::int32_t>(s));
      batch.segments.push_back(published["token_type_ids"][n][s]);
      batch.samples.push_back(n);
      batch.key_mask.push_back(published["input_mask"][n][s] == 0 ? 1 : 0);
    }
    batch.cu_seqlens.push_back(static_cast<std::int32_t>(batch.tokens.size()));
    batch.global_indices.push_back(n);
    batch.next_sentence_labels.push_back(published["next_sentence_labels"][n]);
  }
  return batch;
}

double norm(const std::vector<double>& values) {
  double squares = 0;
  for (const double value : values) squares += value * value;
  return std::sqrt(squares);
}

using ToyCase = std::tuple<DeviceKind, DType>;

class ToyOnDevice : public ::testing::TestWithParam<ToyCase> {
 protected:
  void SetUp() override {
    const auto [kind, type] = GetParam();
    std::unique_ptr<Device> device;
    try {
      device = kind == DeviceKind::cpu ? make_cpu_device({.threads = 1}) : make_cuda_device({});
    } catch (const EnvironmentError& error) {
      GTEST_SKIP() << error.what();
    }
    if (!device->computes(type)) GTEST_SKIP() << "no activations of this type on this device";
    BERTYARD_REQUIRE_TEST_DATA(kToy);
    const auto directory = testing::test_data() / kToy;
    const ModelConfig config = read_huggingface_config(directory);
    ParameterStore store;
    const PretrainingModel model(config, SentenceObjective::next_sentence, store);
    std::vector<float> values(static_cast<std::size_t>(store.flat_elements()));
    store.bind(view_of(std::span(values)), {});
    load_huggingface_weights(directory, store, MissingHeads::refuse);
    batch_ = toy_batch();
    model_ = std::make_unique<testing::DeviceModel>(
        std::move(device), config,
        Capacities{batch_.token_count(), batch_.sequence_count(), batch_.masked_count(), 7, type});
    model_->set_values(values);
    expected_ = read_json("expected_float64.json");
    tolerance_ = type == DType::f32 ? 1e-5 : type == DType::bf16 ? 3e-2 : 4e-3;
  }

  std::unique_ptr<testing::DeviceModel> model_;
  Batch batch_;
  json expected_;
  double tolerance_ = 0;
};

std::string case_name(const ::testing::TestParamInfo<ToyCase>& info) {
  return std::string(std::get<0>(info.param) == DeviceKind::cpu ? "cpu_" : "cuda_") +
         std::string(name_of(std::get<1>(info.param)));
}
INSTANTIATE_TEST_SUITE_P(Device, ToyOnDevice,
                         ::testing::Combine(::testing::Values(DeviceKind::cpu, DeviceKind::cuda),
                                            ::testing::Values(DType::f32, DType::bf16, DType::f16)),
                         case_name);

// Norm of the error of a gradient relative to its own norm, or to 1e-3 of all gradients' (f32;
// more in 16 bits) where it is smaller still: the key biases' are zero in theory.
TEST_P(ToyOnDevice, LossesAndAllGradientsAgree) {
  const PretrainingScores scores = model_->train(batch_);

  EXPECT_NEAR(scores.mlm_loss, expected_["mlm_loss"].get<double>(), tolerance_);
  EXPECT_NEAR(scores.sentence_loss, expected_["nsp_loss"].get<double>(), tolerance_);
  const std::vector<float> gradients = model_->on_host(model_->parameters().gradients());
  double all = 0;
  for (const auto& [name, gradient] : expected_["gradients"].items()) {
    all = std::hypot(all, norm(gradient["data"].get<std::vector<double>>()));
  }
  const double small = tolerance_ == 1e-5 ? 1e-3 : 3e-2;
  for (const auto& [name, gradient] : expected_["gradients"].items()) {
    const auto id = model_->parameters().find(name);
    ASSERT_TRUE(id) << name;
    const auto expected = gradient["data"].get<std::vector<double>>();
    const auto first = static_cast<std::size_t>(model_->parameters().info(*id).offset);
    std::vector<double> error;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      error.push_back(static_cast<double>(gradients[first + i]) - expected[i]);
    }
    EXPECT_LE(norm(error), tolerance_ * std::max(norm(expected), small * all)) << name;
  }
}

// Twice the same bits, and an update lowers the loss.
TEST_P(ToyOnDevice, IsDeterministicAndLearns) {
  const PretrainingScores first = model_->train(batch_);
  const std::vector<float> gradients = model_->on_host(model_->parameters().gradients());
  const PretrainingScores again = model_->train(batch_);
  EXPECT_EQ(first.mlm_loss, again.mlm_loss);
  EXPECT_EQ(gradients, model_->on_host(model_->parameters().gradients()));

  EXPECT_TRUE(model_->optimizer().step(1e-3, model_->parameters()).applied);

  EXPECT_LT(model_->train(batch_).loss(), first.loss());
}

}  // namespace
}  // namespace bertyard
