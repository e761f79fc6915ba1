// SPDX-License-Identifier: Apache-2.0
// A student of a fine-tuned model: central differences through head, encoder and the layers' terms.
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/backend/layer_ops.h"
#include "core/base/error.h"
#include "core/nn/initialization.h"
#include "tests/support/gradient_check.h"
#include "tests/support/packed_example.h"
#include "train/model_memory.h"
#include "train/task_objective.h"

namespace bertyard {
namespace {

using testing::PackedExample;

ModelConfig model_of(std::int64_t layers, std::int64_t hidden) {
  ModelConfig config;
  config.vocab_size = 31;
  config.layers = layers;
  config.hidden = hidden;
  config.heads = 3;
  config.intermediate = 37;
  config.max_positions = 19;
  config.segments = 2;
  config.init_range = 0.3;
  config.dropout = 0.2;  // keyed by place in the data, so the loss is a smooth function
  config.attention_dropout = 0.2;
  return config;
}

DistillationOptions all_terms() {
  DistillationOptions options;
  options.teacher = "made up";
  options.soft = 1.5;
  options.hard = 0.5;
  options.cosine = 0;
  options.hidden = 0.25;
  options.attention = 0.125;
  return options;
}

struct Case {
  const char* name;
  HeadConfig head;
};

// A student and its teacher in memory, with one labelled micro-batch.
class Pupil {
 public:
  Pupil(const HeadConfig& head, const DistillationOptions& options)
      : head_(head),
        objective_(model_of(2, 12), head, 7, TeacherSetting{model_of(4, 24), options}),
        optimizer_({}, objective_.parameters()),
        memory_(objective_, batch_, &optimizer_, example_.capacities()) {
    memory_.allocate(*device_);
    initialize(objective_.parameters(), model_of(2, 12), 5);
    initialize(objective_.teacher()->parameters(), model_of(4, 24), 6);
    make_labels();
  }

  double train() {
    device_->layer_ops().weights_changed();
    device_->set_zero(parameters().gradients(), device_->compute_stream());
    const StepCounts counts{input_.masked(), input_.sequences(), input_.tokens()};
    objective_.begin(counts);
    objective_.train(input_, {});
    const auto sums = objective_.sums().span<double>();
    return objective_.loss(sums, counts);
  }
  ParameterStore& parameters() { return objective_.parameters(); }
  std::span<const double> sums() const { return objective_.sums().span<double>(); }

 private:
  void make_labels() {
    const auto classes = static_cast<std::int32_t>(head_.labels);
    for (std::int32_t& label : example_.masked_labels) label %= classes;
    for (std::size_t n = 0; n + 1 < example_.offsets.size(); ++n) {
      const std::int32_t length = example_.offsets[n + 1] - example_.offsets[n];
      if (head_.kind == HeadKind::span) {
        labels_.push_back(length / 3);
        labels_.push_back(length / 2);
      } else {
        labels_.push_back(static_cast<std::int32_t>(n) % classes);
      }
      targets_.push_back(static_cast<float>(n) - 1.5f);
    }
    input_ = example_.view();
    input_.packing.key_mask = {};
    const Shape shape = head_.kind == HeadKind::span ? Shape{std::ssize(labels_) / 2, 2}
                                                     : Shape{std::ssize(labels_)};
    input_.task_labels = view_of(std::span<const std::int32_t>(labels_)).reshaped(shape);
    input_.task_values = view_of(std::span<const float>(targets_));
  }

  HeadConfig head_;
  PackedExample example_{{7, 12, 1, 5}, 31, 2, 11};
  std::unique_ptr<Device> device_ = make_cpu_device({.threads = 2});
  TaskObjective objective_;
  Optimizer optimizer_;
  DeviceBatch batch_;
  ModelMemory memory_;
  std::vector<std::int32_t> labels_;
  std::vector<float> targets_;
  PackedInput input_;
};

class TaskDistillation : public ::testing::TestWithParam<Case> {};

TEST_P(TaskDistillation, MatchesCentralDifferencesForEveryTensor) {
  Pupil pupil(GetParam().head, all_terms());
  ParameterStore& store = pupil.parameters();
  pupil.train();
  for (std::size_t i = TaskObjective::kSums; i < pupil.sums().size(); ++i) {
    EXPECT_EQ(pupil.sums()[i] > 0, i != TaskObjective::kSums + 1) << "no cosine across widths";
  }

  testing::expect_gradients_match(
      store, [&] { return pupil.train(); }, 3e-4);
}

INSTANTIATE_TEST_SUITE_P(Heads, TaskDistillation,
                         ::testing::Values(Case{"classify", {HeadKind::classify, 3}},
                                           Case{"regress", {HeadKind::regress, 1}},
                                           Case{"tag", {HeadKind::tag, 3}},
                                           Case{"span", {HeadKind::span, 2}}),
                         [](const auto& test) { return std::string(test.param.name); });

std::string refusal(const HeadConfig& head) {
  try {
    Pupil(head, all_terms());
    return "nothing was thrown";
  } catch (const UsageError& error) {
    return error.what();
  }
}

TEST(TaskTeacher, HeadsWithoutSoftLabelsAreRefused) {
  EXPECT_THAT(refusal({HeadKind::tag, 3, TagDecision::crf}),
              ::testing::HasSubstr("a CRF has no soft labels; set finetune.head to linear"));
  EXPECT_THAT(refusal({HeadKind::tag, 3, TagDecision::alone, TagReader::bilstm}),
              ::testing::HasSubstr("a BiLSTM head is not distilled; set finetune.head to linear"));
}

}  // namespace
}  // namespace bertyard
