// SPDX-License-Identifier: Apache-2.0
// ELMo's bidirectional language model: its gradients, what a prediction may depend on, its sizes.
#include "core/nn/elmo_model.h"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/nn/initialization.h"
#include "core/nn/workspace.h"
#include "tests/support/gradient_check.h"
#include "tests/support/packed_example.h"

namespace bertyard {
namespace {

using ::testing::HasSubstr;
using testing::PackedExample;

constexpr std::int32_t kVocabulary = 31;

ModelConfig small_config() {
  ModelConfig config;
  config.type = ModelType::elmo;
  config.vocab_size = kVocabulary;
  config.layers = 3;
  config.hidden = 6;
  config.intermediate = 11;
  config.dropout = 0.2;  // keyed by place in the data, so the loss is a smooth function
  return config;
}

// Every token but the last of a sequence predicts the next, every token but the first the one
// before, as ElmoModel wants them.
PackedExample both_ways(const std::vector<std::int32_t>& lengths) {
  PackedExample example(lengths, kVocabulary, 2, 11);
  example.masked_rows.clear();
  example.masked_labels.clear();
  for (std::size_t n = 0; n + 1 < example.offsets.size(); ++n) {
    for (std::int32_t t = example.offsets[n]; t < example.offsets[n + 1]; ++t) {
      const auto predict = [&](std::int32_t row, std::int32_t token) {
        example.masked_rows.push_back(row);
        example.masked_labels.push_back(example.tokens[static_cast<std::size_t>(token)]);
      };
      if (t + 1 < example.offsets[n + 1]) predict(2 * t, t + 1);
      if (t > example.offsets[n]) predict(2 * t + 1, t - 1);
    }
  }
  return example;
}

class ElmoRig {
 public:
  ElmoRig(const ModelConfig& config, const PackedExample& example)
      : device_(make_cpu_device({.threads = 2})),
        example_(example),
        model_(config, store_),
        values_(static_cast<std::size_t>(store_.flat_elements())),
        gradients_(values_.size()) {
    store_.bind(view_of(std::span(values_)), view_of(std::span(gradients_)));
    initialize(store_, config, 5);
    ArenaPlan plan;
    model_.plan(plan, example.capacities(), Mode::training);
    arena_ = Arena(device_->allocate(plan.bytes()));
    device_->layer_ops().reserve(workspace_limits(config, example.capacities()));
    device_->recurrent_ops().reserve(recurrent_limits(config, example.capacities()));
  }
  // Mean over the predictions of both directions.
  double loss(Mode mode = Mode::training) {
    sums_.assign(4, 0);
    const auto sum = [&](std::size_t i) { return view_of(std::span(sums_).subspan(i, 1)); };
    const PackedInput input = example_.view();
    scale_[0] = 1.0f / static_cast<float>(input.masked());
    model_.forward(pass(input, mode), arena_, *device_, {sum(0), sum(1), sum(2), sum(3)},
                   {view_of(std::span(scale_)), {}});
    return sums_[0] / static_cast<double>(input.masked());
  }
  double backward(const GradientsReady& ready = {}) {
    std::ranges::fill(gradients_, 0.0f);
    const double result = loss();
    const PackedInput input = example_.view();
    model_.backward(pass(input, Mode::training), arena_, ready);
    return result;
  }
  ParameterStore& store() { return store_; }

 private:
  Pass pass(const PackedInput& input, Mode mode) {
    return {device_->layer_ops(),     store_, input, mode, 7, &device_->loss_ops(),
            &device_->recurrent_ops()};
  }

  std::unique_ptr<Device> device_;
  PackedExample example_;
  ParameterStore store_;
  ElmoModel model_;
  std::vector<float> values_, gradients_;
  std::vector<float> scale_{0};
  std::vector<double> sums_;
  Arena arena_;
};

TEST(ElmoModel, GradientsMatchCentralDifferencesForEveryTensor) {
  ElmoRig rig(small_config(), both_ways({7, 12, 1, 5}));
  rig.backward();
  for (const ParameterInfo& info : rig.store().infos()) {
    const auto gradient = rig.store().gradient(*rig.store().find(info.name));
    EXPECT_TRUE(std::ranges::any_of(gradient.span<float>(), [](float g) { return g != 0; }))
        << info.name;
  }

  testing::expect_gradients_match(
      rig.store(), [&] { return rig.loss(); }, 2e-4);
}

// One layer has nothing to go past, and without a projection the cells are the outputs.
TEST(ElmoModel, OneLayerWithoutProjectionAndDropoutMatchesThemToo) {
  ModelConfig config = small_config();
  config.layers = 1;
  config.intermediate = config.hidden;
  config.dropout = 0;
  ElmoRig rig(config, both_ways({7, 12, 1, 5}));
  rig.backward();

  EXPECT_FALSE(rig.store().find("elmo.forward.layer.0.weight_hr"));
  testing::expect_gradients_match(
      rig.store(), [&] { return rig.loss(); }, 2e-4);
}

// The softmax takes its rows in parts; here there are three and the last is smaller.
TEST(ElmoModel, PartsOfTheSoftmaxAddUp) {
  const PackedExample example = both_ways(std::vector<std::int32_t>(60, 19));
  ASSERT_GT(example.capacities().masked, 2 * PretrainingModel::kLogitRows);
  ElmoRig rig(small_config(), example);
  rig.backward();

  testing::expect_gradients_match(
      rig.store(), [&] { return rig.loss(); }, 2e-4);
}

TEST(ElmoModel, EvaluationIsTrainingWithoutDropout) {
  ModelConfig config = small_config();
  config.dropout = 0;
  ElmoRig rig(config, both_ways({7, 12, 1, 5}));

  EXPECT_EQ(rig.loss(Mode::evaluation), rig.loss(Mode::training));
}

TEST(ElmoModel, GradientsReadyRisesToTheEndOfTheBuffer) {
  ElmoRig rig(small_config(), both_ways({5, 6}));
  std::vector<std::int64_t> seen;

  rig.backward([&](std::int64_t elements) { seen.push_back(elements); });

  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
  EXPECT_EQ(seen.size(), 5u);  // bias, three layers, word vectors
  EXPECT_EQ(seen.back(), rig.store().flat_elements());
}

// All layers of both directions, [layer][T][2 hidden].
std::vector<std::vector<float>> features(const PackedExample& example) {
  const ModelConfig config = small_config();
  const auto device = make_cpu_device({.threads = 2});
  ParameterStore store;
  ElmoLayers layers(config, store, ElmoUse::features);
  std::vector<float> values(static_cast<std::size_t>(store.flat_elements()));
  store.bind(view_of(std::span(values)), {});
  initialize(store, config, 5);
  ArenaPlan plan;
  layers.plan(plan, example.capacities(), Mode::training);
  const Arena arena(device->allocate(plan.bytes()));
  device->layer_ops().reserve(workspace_limits(config, example.capacities()));
  device->recurrent_ops().reserve(recurrent_limits(config, example.capacities()));
  const PackedInput input = example.view();
  layers.forward({device->layer_ops(), store, input, Mode::training, 7, &device->loss_ops(),
                  &device->recurrent_ops()},
                 arena);
  std::vector<std::vector<float>> result;
  for (std::int64_t index = 0; index <= config.layers; ++index) {
    const TensorView view = layers.layer(arena, index, input.tokens());
    const auto span = view.span<float>();
    result.emplace_back(span.begin(), span.end());
  }
  return result;
}

TEST(ElmoLayers, EachDirectionSeesOneSideOnly) {
  PackedExample example({12, 9}, kVocabulary, 2, 11);
  const auto before = features(example);
  example.tokens[7] = (example.tokens[7] + 1) % kVocabulary;
  const auto after = features(example);

  for (std::size_t index = 0; index < before.size(); ++index) {
    for (std::size_t t = 0; t < example.tokens.size(); ++t) {
      const auto changed = [&](std::size_t direction) {
        const auto at = static_cast<std::ptrdiff_t>((2 * t + direction) * 6);
        return !std::equal(before[index].begin() + at, before[index].begin() + at + 6,
                           after[index].begin() + at);
      };
      EXPECT_EQ(changed(0), index == 0 ? t == 7 : t >= 7 && t < 12) << index << " " << t;
      EXPECT_EQ(changed(1), index == 0 ? t == 7 : t <= 7) << index << " " << t;
    }
  }
}

TEST(ElmoLayers, FeaturesHaveNoWeightDecayAndStartAsThePretrainedOnes) {
  ParameterStore trained, frozen;
  const ElmoModel model(small_config(), trained);
  const ElmoLayers layers(small_config(), frozen, ElmoUse::features);

  for (const ParameterInfo& info : frozen.infos()) {
    EXPECT_EQ(info.decay, WeightDecay::no) << info.name;
    const auto same = trained.find(info.name);
    ASSERT_TRUE(same) << info.name;
    EXPECT_EQ(trained.info(*same).shape, info.shape);
  }
}

TEST(ElmoModel, HasTheParametersThatItsConfigCounts) {
  ModelConfig unprojected = small_config();
  unprojected.intermediate = unprojected.hidden;
  for (const ModelConfig& config : {small_config(), unprojected}) {
    ParameterStore store;
    const ElmoModel model(config, store);
    EXPECT_EQ(store.parameter_count(), config.parameter_count());
    EXPECT_EQ(store.infos().back().name, "elmo.embedding.weight");
  }
}

// Memory of the logits does not grow with the micro-batch.
TEST(ElmoModel, PlansNoMoreLogitsThanItHoldsAtOnce) {
  ModelConfig config = small_config();
  config.vocab_size = 20000;
  const auto bytes = [&config](std::int64_t predicted) {
    ParameterStore store;
    ElmoModel model(config, store);
    ArenaPlan plan;
    model.plan(plan, {8192, 64, predicted, 128}, Mode::training);
    return plan.bytes();
  };

  EXPECT_EQ(bytes(16384), bytes(PretrainingModel::kLogitRows));
}

TEST(ElmoModel, ForgetGatesBeginOpen) {
  ParameterStore store;
  const ElmoModel model(small_config(), store);
  std::vector<float> values(static_cast<std::size_t>(store.flat_elements()));
  store.bind(view_of(std::span(values)), {});

  initialize(store, small_config(), 5);

  const TensorView bias = store.value(*store.find("elmo.backward.layer.1.bias"));
  for (std::size_t i = 0; i < 44; ++i) {
    EXPECT_EQ(bias.span<float>()[i], i >= 11 && i < 22 ? 1.0f : 0.0f) << i;
  }
  const TensorView weight = store.value(*store.find("elmo.backward.layer.1.weight_hh"));
  const float bound = 1 / std::sqrt(11.0f);
  EXPECT_TRUE(std::ranges::all_of(weight.span<float>(),
                                  [&](float w) { return std::fabs(w) <= bound && w != 0; }));
}

void expect_refused(const ModelConfig& config, const std::string& part) {
  try {
    validate(config);
    FAIL() << "accepted: " << part;
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), HasSubstr(part));
  }
}

TEST(ElmoConfig, SaysWhatCannotBe) {
  ModelConfig causal = small_config(), narrow = small_config();
  causal.attention = AttentionDirection::causal;
  narrow.intermediate = 5;

  EXPECT_NO_THROW(validate(small_config()));  // heads are not looked at
  expect_refused(causal, "attention is causal, but an ELMo has none");
  expect_refused(narrow, "intermediate is 5, fewer cells than the 6 outputs (hidden)");
}

}  // namespace
}  // namespace bertyard
