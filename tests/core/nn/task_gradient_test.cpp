// SPDX-License-Identifier: Apache-2.0
// Central differences through encoder and head of every downstream task, one tensor at a time.
#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/backend/device.h"
#include "core/nn/initialization.h"
#include "core/nn/task_model.h"
#include "core/nn/workspace.h"
#include "tests/support/gradient_check.h"
#include "tests/support/packed_example.h"

namespace bertyard {
namespace {

using testing::PackedExample;

ModelConfig small_config(AttentionDirection attention = AttentionDirection::bidirectional) {
  ModelConfig config;
  config.vocab_size = 31;
  config.layers = 1;
  config.hidden = 24;
  config.heads = 3;
  config.intermediate = 37;
  config.max_positions = 19;
  config.segments = 2;
  config.init_range = 0.3;  // far from the linear regime of small weights
  config.dropout = 0.2;     // keyed by place in the data, so the loss is a smooth function
  config.attention_dropout = 0.2;
  config.attention = attention;
  return config;
}

struct Case {
  const char* name;
  HeadConfig head;
  bool weighted = false;
  AttentionDirection attention = AttentionDirection::bidirectional;
  ModelType type = ModelType::transformer;
};

ModelConfig config_of(const Case& test) {
  ModelConfig config = small_config(test.attention);
  config.type = test.type;
  if (config.is_elmo()) config.layers = 2;
  return config;
}

// A task model with its memory, and a micro-batch with made-up labels.
class TaskRig {
 public:
  explicit TaskRig(const Case& test)
      : case_(test),
        example_({7, 12, 1, 5}, 31, 2, 11),
        model_(config_of(test), test.head, store_),
        values_(static_cast<std::size_t>(store_.flat_elements())),
        gradients_(values_.size()) {
    store_.bind(view_of(std::span(values_)), view_of(std::span(gradients_)));
    initialize(store_, config_of(test), 5);
    Capacities capacities = example_.capacities();
    ArenaPlan plan;
    model_.plan(plan, capacities, Mode::training);
    arena_ = Arena(device_->allocate(plan.bytes()));
    WorkspaceLimits limits = workspace_limits(config_of(test), capacities);
    limits.weights = store_.flat_elements();
    device_->layer_ops().reserve(limits);
    device_->recurrent_ops().reserve(recurrent_limits(config_of(test), capacities, test.head));
    make_labels();
  }

  double loss() {
    device_->layer_ops().weights_changed();
    sums_ = {0, 0};
    const Pass pass = this->pass();
    model_.compute_logits(pass, arena_);
    model_.losses(pass, arena_, {sum(0), sum(1)}, weights());
    return sums_[0] * scale_[0];
  }
  void backward(const GradientsReady& ready = {}) {
    std::fill(gradients_.begin(), gradients_.end(), 0.0f);
    loss();
    model_.backward(pass(), arena_, *device_, ready);
  }
  ParameterStore& store() { return store_; }

 private:
  void make_labels() {
    const auto classes = static_cast<std::int32_t>(case_.head.labels);
    for (std::int32_t& label : example_.masked_labels) label %= classes;
    for (std::size_t n = 0; n + 1 < example_.offsets.size(); ++n) {
      const std::int32_t length = example_.offsets[n + 1] - example_.offsets[n];
      if (case_.head.kind == HeadKind::span) {
        labels_.push_back(length / 3);
        labels_.push_back(length / 2);
      } else {
        labels_.push_back(static_cast<std::int32_t>(n) % classes);
      }
      targets_.push_back(static_cast<float>(n) - 1.5f);
      last_rows_.push_back(example_.offsets[n + 1] - 1);
    }
  }
  Pass pass() {
    input_ = example_.view();
    input_.last_rows = view_of(std::span<const std::int32_t>(last_rows_));
    input_.task_labels = view_of(std::span<const std::int32_t>(labels_));
    input_.task_values = view_of(std::span<const float>(targets_));
    return {device_->layer_ops(),     store_, input_, Mode::training, 7, &device_->loss_ops(),
            &device_->recurrent_ops()};
  }
  TensorView sum(std::size_t i) { return view_of(std::span(sums_).subspan(i, 1)); }
  TaskWeights weights() {
    TaskWeights result{view_of(std::span<const float>(scale_)), {}};
    if (case_.weighted) result.classes = view_of(std::span<const float>(class_weights_));
    return result;
  }

  Case case_;
  PackedExample example_;
  std::unique_ptr<Device> device_ = make_cpu_device({});
  ParameterStore store_;
  TaskModel model_;
  std::vector<float> values_, gradients_, targets_;
  std::vector<float> scale_{0.25f}, class_weights_{0.5f, 2.0f, 1.0f};
  std::vector<std::int32_t> labels_, last_rows_;
  std::vector<double> sums_{0, 0};
  Arena arena_;
  PackedInput input_;
};

Case elmo_case(const char* name, const HeadConfig& head, bool weighted = false) {
  return {name, head, weighted, AttentionDirection::bidirectional, ModelType::elmo};
}

class TaskGradient : public ::testing::TestWithParam<Case> {};

TEST_P(TaskGradient, MatchesCentralDifferencesForEveryTensor) {
  TaskRig rig(GetParam());
  rig.backward();
  ParameterStore& store = rig.store();

  testing::expect_gradients_match(
      store, [&] { return rig.loss(); }, 2e-4);
}

INSTANTIATE_TEST_SUITE_P(
    Heads, TaskGradient,
    ::testing::Values(
        Case{"classify", {HeadKind::classify, 3}}, Case{"weighted", {HeadKind::classify, 3}, true},
        Case{"regress", {HeadKind::regress, 1}}, Case{"tag", {HeadKind::tag, 3}},
        Case{"tag_weighted", {HeadKind::tag, 3}, true},
        Case{"crf", {HeadKind::tag, 3, TagDecision::crf}}, Case{"span", {HeadKind::span, 2}},
        Case{"bilstm", {HeadKind::tag, 3, TagDecision::alone, TagReader::bilstm}},
        Case{"bilstm_crf", {HeadKind::tag, 3, TagDecision::crf, TagReader::bilstm}},
        Case{"causal_classify", {HeadKind::classify, 3}, false, AttentionDirection::causal},
        Case{"causal_regress", {HeadKind::regress, 1}, false, AttentionDirection::causal},
        Case{"causal_tag", {HeadKind::tag, 3}, false, AttentionDirection::causal},
        Case{"causal_span", {HeadKind::span, 2}, false, AttentionDirection::causal},
        elmo_case("elmo_classify", {HeadKind::classify, 3}),
        elmo_case("elmo_weighted", {HeadKind::classify, 3}, true),
        elmo_case("elmo_regress", {HeadKind::regress, 1}),
        elmo_case("elmo_tag", {HeadKind::tag, 3}),
        elmo_case("elmo_crf", {HeadKind::tag, 3, TagDecision::crf}),
        elmo_case("elmo_bilstm", {HeadKind::tag, 3, TagDecision::alone, TagReader::bilstm}),
        elmo_case("elmo_span", {HeadKind::span, 2})),
    [](const auto& test) { return std::string(test.param.name); });

// The language model stays as it is; everything else is trained.
TEST(ElmoTask, TheLanguageModelHasNoGradientAndNoDecay) {
  TaskRig rig(elmo_case("classify", {HeadKind::classify, 3}));
  std::vector<std::int64_t> seen;
  rig.backward([&](std::int64_t elements) { seen.push_back(elements); });

  int frozen = 0;
  for (const ParameterInfo& info : rig.store().infos()) {
    const TensorView gradient = rig.store().gradient(*rig.store().find(info.name));
    const bool is_zero =
        std::ranges::all_of(gradient.span<float>(), [](float g) { return g == 0; });
    EXPECT_EQ(is_zero, info.name.starts_with("elmo.")) << info.name;
    if (!info.name.starts_with("elmo.")) continue;
    EXPECT_EQ(info.decay, WeightDecay::no) << info.name;
    ++frozen;
  }
  EXPECT_EQ(frozen, 17);  // 4 tensors of 4 LSTMs, word vectors
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
  EXPECT_EQ(seen.back(), rig.store().flat_elements());
}

TEST(ElmoTask, HasHeadsAsWideAsBothDirections) {
  const auto trained = [](const HeadConfig& head) {
    ParameterStore store;
    const TaskModel model(config_of(elmo_case("", head)), head, store);
    std::vector<std::string> names;
    for (const ParameterInfo& info : store.infos()) {
      if (!info.name.starts_with("elmo.")) names.push_back(info.name + " " + to_string(info.shape));
    }
    return names;
  };
  using Names = std::vector<std::string>;
  const Names body{"elmo_task.forward.weight_hh [96, 24]",
                   "elmo_task.forward.weight_ih [96, 48]",
                   "elmo_task.forward.bias [96]",
                   "elmo_task.backward.weight_hh [96, 24]",
                   "elmo_task.backward.weight_ih [96, 48]",
                   "elmo_task.backward.bias [96]",
                   "elmo_task.mix.weights [3]",
                   "elmo_task.mix.gamma [1]"};
  const auto with = [&](Names head) {
    head.insert(head.end(), body.begin(), body.end());
    return head;
  };

  EXPECT_EQ(
      trained({HeadKind::classify, 3}),
      with({"classifier.weight [3, 48]", "classifier.bias [3]", "elmo_task.pool.context [1, 48]",
            "elmo_task.pool.dense.weight [48, 48]", "elmo_task.pool.dense.bias [48]"}));
  EXPECT_EQ(trained({HeadKind::tag, 5}),
            with({"classifier.weight [5, 48]", "classifier.bias [5]"}));
  EXPECT_EQ(trained({HeadKind::span, 2}),
            with({"qa_outputs.weight [2, 48]", "qa_outputs.bias [2]"}));
}

TEST(TaskModel, HasTheTensorsOfItsTransformersClass) {
  const auto head_of = [](const HeadConfig& head,
                          AttentionDirection attention = AttentionDirection::bidirectional) {
    ParameterStore store;
    const TaskModel model(small_config(attention), head, store);
    std::vector<std::string> names;
    for (const ParameterInfo& info : store.infos()) {
      if (info.name.starts_with("bert.encoder.") || info.name.starts_with("bert.embeddings.")) {
        continue;
      }
      names.push_back(info.name + " " + to_string(info.shape));
    }
    return names;
  };
  using Names = std::vector<std::string>;

  EXPECT_EQ(head_of({HeadKind::classify, 3}),
            (Names{"classifier.weight [3, 24]", "classifier.bias [3]",
                   "bert.pooler.dense.weight [24, 24]", "bert.pooler.dense.bias [24]"}));
  EXPECT_EQ(head_of({HeadKind::tag, 5}),
            (Names{"classifier.weight [5, 24]", "classifier.bias [5]"}));
  EXPECT_EQ(head_of({HeadKind::span, 2}),
            (Names{"qa_outputs.weight [2, 24]", "qa_outputs.bias [2]"}));
  // A BiLSTM of our own below the classifier of tokens.
  EXPECT_EQ(head_of({HeadKind::tag, 5, TagDecision::alone, TagReader::bilstm}),
            (Names{"classifier.weight [5, 48]", "classifier.bias [5]",
                   "bilstm.forward.weight_hh [96, 24]", "bilstm.forward.weight_ih [96, 24]",
                   "bilstm.forward.bias [96]", "bilstm.backward.weight_hh [96, 24]",
                   "bilstm.backward.weight_ih [96, 24]", "bilstm.backward.bias [96]"}));
  // GPT's has nothing between the last token and the classes.
  EXPECT_EQ(head_of({HeadKind::classify, 3}, AttentionDirection::causal),
            (Names{"classifier.weight [3, 24]", "classifier.bias [3]"}));
}

}  // namespace
}  // namespace bertyard
