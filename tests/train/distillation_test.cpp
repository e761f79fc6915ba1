// SPDX-License-Identifier: Apache-2.0
// A student beside its teacher: losses against float64, gradients against central differences.
#include <algorithm>
#include <cmath>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/backend/layer_ops.h"
#include "core/base/error.h"
#include "core/nn/initialization.h"
#include "tests/support/gradient_check.h"
#include "tests/support/packed_example.h"
#include "tests/support/reference_encoder.h"
#include "train/model_memory.h"
#include "train/pretraining_objective.h"

namespace bertyard {
namespace {

using testing::PackedExample;
using testing::ReferenceEncoder;
using Matrix = ReferenceEncoder::Matrix;

constexpr std::int64_t kHidden = 24;

ModelConfig model_of(std::int64_t layers, std::int64_t hidden, double dropout) {
  ModelConfig config;
  config.vocab_size = 31;
  config.layers = layers;
  config.hidden = hidden;
  config.heads = 3;
  config.intermediate = 37;
  config.max_positions = 19;
  config.segments = 2;
  config.init_range = 0.3;
  config.dropout = dropout;
  config.attention_dropout = dropout;
  return config;
}

DistillationOptions all_terms() {
  DistillationOptions options;
  options.teacher = "made up";
  options.soft = 1.5;
  options.hard = 0.5;
  options.cosine = 2;
  options.hidden = 0.25;
  options.attention = 0.125;
  return options;
}

// A student and its teacher in memory, with one micro-batch.
class Pupil {
 public:
  Pupil(const ModelConfig& student, const TeacherSetting& teacher)
      : objective_(student, teacher, 7),
        optimizer_({}, objective_.parameters()),
        memory_(objective_, batch_, &optimizer_, example_.capacities()) {
    memory_.allocate(*device_);
    initialize(objective_.parameters(), student, 5);
    initialize(objective_.teacher()->parameters(), teacher.model, 6);
  }

  PackedInput input() const {
    PackedInput input = example_.view();
    input.packing.key_mask = {};
    return input;
  }
  StepCounts counts() const { return {input().masked(), input().sequences(), input().tokens()}; }
  DistillationLosses train(const GradientsReady& ready = {}) {
    device_->layer_ops().weights_changed();
    device_->set_zero(parameters().gradients(), device_->compute_stream());
    objective_.begin(counts());
    objective_.train(input(), ready);
    const auto sums = objective_.sums().span<double>();
    return taught_losses(sums, counts());
  }
  ParameterStore& parameters() { return objective_.parameters(); }
  PretrainingObjective& objective() { return objective_; }
  const PackedExample& example() const { return example_; }

 private:
  PackedExample example_{{7, 12, 1, 5}, 31, 1, 11};
  std::unique_ptr<Device> device_ = make_cpu_device({.threads = 2});
  PretrainingObjective objective_;
  Optimizer optimizer_;
  DeviceBatch batch_;
  ModelMemory memory_;
};

double squared(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t c = 0; c < a.size(); ++c) sum += (a[c] - b[c]) * (a[c] - b[c]);
  return sum;
}

std::vector<double> log_softmax(std::vector<double> x, double temperature) {
  double sum = 0;
  for (const double v : x) sum += std::exp(v / temperature);
  for (double& v : x) v = v / temperature - std::log(sum);
  return x;
}

// The head's logits of one hidden state.
std::vector<double> mlm_logits(const ReferenceEncoder& encoder, const std::vector<double>& hidden) {
  Matrix x = encoder.linear({hidden}, "cls.predictions.transform.dense");
  for (double& value : x[0]) value = encoder.activate(value);
  encoder.norm(x, "cls.predictions.transform.LayerNorm");
  std::vector<double> logits = encoder.row("cls.predictions.bias", 0);
  for (std::size_t v = 0; v < logits.size(); ++v) {
    const auto word = encoder.row("bert.embeddings.word_embeddings.weight", v);
    for (std::size_t c = 0; c < word.size(); ++c) logits[v] += word[c] * x[0][c];
  }
  return logits;
}

// The five terms in float64, straight from the papers.
DistillationLosses reference_losses(Pupil& pupil, const ModelConfig& student,
                                    const TeacherSetting& setting,
                                    const std::vector<std::int64_t>& layers) {
  const ParameterStore& taught = pupil.parameters();
  const ParameterStore& teaching = pupil.objective().teacher()->parameters();
  const ReferenceEncoder own(student, taught), other(setting.model, teaching);
  const PackedExample& example = pupil.example();
  const double temperature = setting.options.temperature;
  DistillationLosses sums;
  std::size_t next = 0;
  for (std::size_t n = 0; n + 1 < example.offsets.size(); ++n) {
    const std::int32_t begin = example.offsets[n], end = example.offsets[n + 1];
    const std::vector<std::uint32_t> tokens(example.tokens.begin() + begin,
                                            example.tokens.begin() + end);
    const auto a = own.run(tokens), b = other.run(tokens);
    const auto length = tokens.size();
    for (std::size_t l = 0; l <= layers.size(); ++l) {
      const Matrix& target = b.hidden[l == 0 ? 0 : static_cast<std::size_t>(layers[l - 1])];
      const bool fits = student.hidden != setting.model.hidden;
      const Matrix hidden = fits ? own.linear(a.hidden[l], "distill.fit") : a.hidden[l];
      for (std::size_t t = 0; t < length; ++t) {
        sums.hidden += squared(hidden[t], target[t]) / static_cast<double>(setting.model.hidden);
      }
      if (l == 0) continue;
      const Matrix& scores = b.scores[static_cast<std::size_t>(layers[l - 1] - 1)];
      for (std::size_t q = 0; q < scores.size(); ++q) {
        sums.attention += squared(a.scores[l - 1][q], scores[q]) / static_cast<double>(3 * length);
      }
    }
    for (std::size_t t = 0; t < length && student.hidden == setting.model.hidden; ++t) {
      const auto &x = a.hidden.back()[t], &y = b.hidden.back()[t];
      const std::vector<double> zero(x.size(), 0.0);
      double dot = 0;
      for (std::size_t c = 0; c < x.size(); ++c) dot += x[c] * y[c];
      sums.cosine += 1 - dot / std::sqrt(squared(x, zero) * squared(y, zero));
    }
    for (; next < example.masked_rows.size() && example.masked_rows[next] < end; ++next) {
      const auto t = static_cast<std::size_t>(example.masked_rows[next] - begin);
      const auto x = mlm_logits(own, a.hidden.back()[t]);
      const auto y = mlm_logits(other, b.hidden.back()[t]);
      sums.hard -= log_softmax(x, 1)[static_cast<std::size_t>(example.masked_labels[next])];
      const auto p = log_softmax(x, temperature), q = log_softmax(y, temperature);
      for (std::size_t c = 0; c < p.size(); ++c) {
        sums.soft += temperature * temperature * std::exp(q[c]) * (q[c] - p[c]);
      }
    }
  }
  const auto masked = static_cast<double>(pupil.counts().masked);
  const auto tokens = static_cast<double>(pupil.counts().tokens);
  return {sums.hard / masked, sums.soft / masked, sums.cosine / tokens, sums.hidden / tokens,
          sums.attention / tokens};
}

void expect_close(const DistillationLosses& found, const DistillationLosses& expected) {
  const auto near = [](double a, double b, const char* name) {
    EXPECT_NEAR(a, b, 1e-5 * (1 + std::abs(b))) << name;
  };
  near(found.hard, expected.hard, "hard");
  near(found.soft, expected.soft, "soft");
  near(found.cosine, expected.cosine, "cosine");
  near(found.hidden, expected.hidden, "hidden");
  near(found.attention, expected.attention, "attention");
}

TEST(Distillation, EveryTermAgreesWithFloat64) {
  const ModelConfig student = model_of(2, kHidden, 0);
  const TeacherSetting setting{model_of(4, kHidden, 0.3), all_terms()};  // it sees no dropout
  Pupil pupil(student, setting);

  const DistillationLosses found = pupil.train();

  const DistillationLosses expected = reference_losses(pupil, student, setting, {2, 4});
  EXPECT_GT(expected.cosine, 0.1);
  EXPECT_GT(expected.attention, 0.1);
  expect_close(found, expected);
}

TEST(Distillation, AWiderTeacherIsMetThroughTheFit) {
  const ModelConfig student = model_of(3, 12, 0);
  TeacherSetting setting{model_of(4, kHidden, 0), all_terms()};
  setting.options.cosine = 0;
  setting.options.layers = {1, 4, 4};
  Pupil pupil(student, setting);

  const DistillationLosses found = pupil.train();

  expect_close(found, reference_losses(pupil, student, setting, {1, 4, 4}));
  EXPECT_TRUE(pupil.parameters().find("distill.fit.weight").has_value());
}

TEST(Distillation, EvaluationIsTheStudentsAlone) {
  const ModelConfig student = model_of(2, kHidden, 0);
  Pupil pupil(student, {model_of(4, kHidden, 0), all_terms()});
  const double hard = pupil.train().hard;

  pupil.objective().begin({});
  pupil.objective().evaluate(pupil.input());

  const auto sums = pupil.objective().sums().span<double>();
  EXPECT_NEAR(scores_of(sums, pupil.counts()).mlm_loss, hard, 1e-6 * hard);
  for (std::size_t i = PretrainingObjective::kSums; i < sums.size(); ++i) EXPECT_EQ(sums[i], 0);
}

TEST(Distillation, GradientsReadyRisesToTheEndOfTheBuffer) {
  DistillationOptions options = all_terms();
  options.cosine = 0;
  Pupil pupil(model_of(2, 12, 0), {model_of(4, kHidden, 0), options});
  std::vector<std::int64_t> seen;

  pupil.train([&](std::int64_t elements) { seen.push_back(elements); });

  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
  EXPECT_EQ(seen.back(), pupil.parameters().flat_elements());
}

class DistillationGradient : public ::testing::TestWithParam<std::int64_t> {};

TEST_P(DistillationGradient, MatchesCentralDifferencesForEveryTensor) {
  DistillationOptions options = all_terms();
  if (GetParam() != kHidden) options.cosine = 0;
  Pupil pupil(model_of(2, GetParam(), 0.2), {model_of(4, kHidden, 0), options});
  ParameterStore& store = pupil.parameters();
  pupil.train();

  testing::expect_gradients_match(
      store, [&] { return pupil.train().total(options); }, 3e-4);
}

INSTANTIATE_TEST_SUITE_P(Widths, DistillationGradient, ::testing::Values(kHidden, 12));

TEST(Distillation, RefusesWhatDoesNotFit) {
  const ModelConfig student = model_of(2, kHidden, 0);
  const auto refused = [&](const ModelConfig& teacher, const DistillationOptions& options,
                           const std::string& message) {
    try {
      check_teacher(student, {teacher, options});
      ADD_FAILURE() << "nothing was thrown, expected: " << message;
    } catch (const UsageError& error) {
      EXPECT_THAT(error.what(), ::testing::HasSubstr(message));
    }
  };
  ModelConfig other = model_of(4, kHidden, 0);
  DistillationOptions options = all_terms();

  other.vocab_size = 40;
  refused(other, options, "the teacher has 40 word vectors, the student 31");
  other = model_of(4, kHidden, 0);
  other.max_positions = 12;
  refused(other, options, "12 positions, the student 19; set model.max_positions to 12");
  other = model_of(4, kHidden, 0);
  other.segments = 1;
  refused(other, options, "1 segments, the student 2; set model.segments to 1");
  refused(model_of(4, 12, 0), options, "hidden states of 24 and 12 channels; set it to 0 or");
  other = model_of(4, kHidden, 0);
  other.heads = 4;
  refused(other, options, "scores of 3 and 4 heads; set it to 0 or model.heads to 4");
  refused(model_of(3, kHidden, 0), options, "3 layers are no multiple of the student's 2");
  options.layers = {1};
  refused(model_of(4, kHidden, 0), options, "distill.layers has 1 entries, the student 2 layers");
  options.layers = {1, 5};
  refused(model_of(4, kHidden, 0), options, "names layer 5, the teacher has 1 to 4");
  options = all_terms();
  other = model_of(4, kHidden, 0);
  other.attention = AttentionDirection::causal;
  refused(other, options,
          "the teacher's attention is causal, the student's bidirectional, and only");
  options = {};
  options.soft = options.hard = options.cosine = 0;
  refused(model_of(4, kHidden, 0), options, "all terms have weight 0; set one of");
}

}  // namespace
}  // namespace bertyard
