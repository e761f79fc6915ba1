// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <span>

#include "core/nn/trained_model.h"
#include "train/mlm_teacher.h"
#include "train/objective.h"

namespace bertyard {

// Masked tokens and sentence pairs, as means over what they were counted on. Of a causal model
// "mlm" are the next tokens, of an ELMo those and the ones before.
struct PretrainingScores {
  double mlm_loss = 0;
  double mlm_accuracy = 0;
  double sentence_loss = 0;
  double sentence_accuracy = 0;
  double loss() const { return mlm_loss + sentence_loss; }
};
// `sums` as PretrainingObjective::sums() has them.
PretrainingScores scores_of(std::span<const double> sums, const StepCounts& counts);

// Likewise a student's.
DistillationLosses taught_losses(std::span<const double> sums, const StepCounts& counts);

// BERT's own objective, MLM with or without NSP, or what a teacher makes of MLM; or, where the
// config is causal, the next token's cross entropy at every token (Radford et al. 2018, equation
// 1); of an ELMo the mean of both directions' (Peters et al. 2018, equation 1, halved). Owns model
// and parameter store; the memory of values and gradients is bound by the trainer.
class PretrainingObjective final : public Objective {
 public:
  static constexpr std::int64_t kSums = 4;  // MLM loss and correct, sentence loss and correct

  PretrainingObjective(const ModelConfig& config, SentenceObjective sentences,
                       std::uint64_t dropout_seed);
  // A student's: sums() go on with MlmTeacher::kSums, and there are no pairs.
  PretrainingObjective(const ModelConfig& config, const TeacherSetting& teacher,
                       std::uint64_t dropout_seed);

  ParameterStore& parameters() override { return parameters_; }
  const ParameterStore& parameters() const override { return parameters_; }
  const ModelConfig& config() const override { return config_; }
  // Not of an ELMo.
  const PretrainingModel& model() const { return std::get<PretrainingModel>(model_); }
  MlmTeacher* teacher() { return teacher_ ? &*teacher_ : nullptr; }
  const MlmTeacher* teacher() const { return teacher_ ? &*teacher_ : nullptr; }

  void plan(ArenaPlan& plan, const Capacities& capacities, Mode mode) override;
  void bind(const Arena& arena, Device& device) override;
  void report_spans(SpanListener* listener) override { spans_ = listener; }
  void extend(WorkspaceLimits& limits) const override;
  void begin(const StepCounts& counts) override;
  void train(const PackedInput& input, const GradientsReady& ready) override;
  void evaluate(const PackedInput& input) override;
  // The halves of train() without a teacher, for whoever times them: forward first, backward of the
  // same input next.
  void forward(const PackedInput& input);
  void backward(const PackedInput& input, const GradientsReady& ready);
  TensorView sums() const override { return arena_->view(sums_); }

 private:
  Pass pass(const PackedInput& input, Mode mode) const;
  void run_forward(const Pass& pass) const;

  ModelConfig config_;
  ParameterStore parameters_;
  TrainedModel model_;
  std::optional<MlmTeacher> teacher_;
  bool teaches_ = false;  // planned for training
  std::uint64_t dropout_seed_;
  ArenaSlot sums_, scales_;  // a teacher's sums follow the others
  Buffer scales_on_host_;    // pinned
  std::unique_ptr<Event> scales_sent_;
  const Arena* arena_ = nullptr;
  Device* device_ = nullptr;
  SpanListener* spans_ = nullptr;
};

}  // namespace bertyard
