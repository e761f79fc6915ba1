// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "core/backend/distillation_ops.h"
#include "core/nn/linear.h"
#include "core/nn/pretraining_model.h"
#include "train/distillation_options.h"
#include "train/objective.h"

namespace bertyard {

// A masked language model taught by a larger one during pre-training:
//   hard CE + soft T^2 KL at masked tokens, cosine (1 - cos) of the last hidden states, hidden and
//   attention squared errors of mapped layers (through a linear fit where the widths differ).
// Token terms are means over the global batch's tokens. Owns both models; the teacher's weights lie
// among the activations, get no gradient and see the same packed micro-batch without dropout.
class DistillationObjective final : public Objective {
 public:
  // Loss and correct of masked tokens, two unused (PretrainingObjective's sums), then the soft,
  // cosine, hidden and attention losses.
  static constexpr std::int64_t kSums = 8;

  // Throws UsageError where the terms asked for do not fit the two models.
  DistillationObjective(const ModelConfig& student, const ModelConfig& teacher,
                        const DistillationOptions& options, std::uint64_t dropout_seed);

  ParameterStore& parameters() override { return parameters_; }
  const ParameterStore& parameters() const override { return parameters_; }
  const ModelConfig& config() const override { return student_config_; }
  const ModelConfig& teacher_config() const { return teacher_config_; }
  // To be filled after bind().
  ParameterStore& teacher_parameters() { return teacher_parameters_; }

  void plan(ArenaPlan& plan, const Capacities& capacities, Mode mode) override;
  void bind(const Arena& arena, Device& device) override;
  void extend(WorkspaceLimits& limits) const override;
  void begin(const StepCounts& counts) override;
  void train(const PackedInput& input, const GradientsReady& ready) override;
  // The student's masked tokens alone: the teacher does not run.
  void evaluate(const PackedInput& input) override;
  TensorView sums() const override { return arena_->view(sums_); }

 private:
  // Tensors that a layer's pair needs.
  struct LayerSlots {
    ArenaSlot student_scores, teacher_scores;
  };
  enum Sum { kHard, kCorrect, kSoft = 4, kCosine, kHidden, kAttention };
  enum Scale { kHardScale, kSoftScale, kCosineScale, kHiddenScale, kAttentionScale, kScales };

  bool with_logits() const { return options_.hard > 0 || options_.soft > 0; }
  Pass pass(const PackedInput& input, const ParameterStore& parameters, Mode mode) const;
  TensorView sum(Sum which) const { return sums().slice(which, 1); }
  TensorView scale(Scale which) const { return arena_->view(scales_).slice(which, 1); }
  void add(Sum which, TensorView losses) const;
  std::int64_t score_elements(const PackedInput& input, std::int64_t heads) const;
  EncoderTaps score_taps(std::int64_t elements, bool of_teacher) const;
  void run_teacher(const Pass& pass, std::int64_t score_count) const;
  void masked_tokens(const Pass& pass, TensorView hidden, TensorView dhidden) const;
  void cosine(const Pass& pass, TensorView hidden, TensorView dhidden) const;
  void attention_errors(const Pass& pass, std::int64_t score_count) const;
  void hidden_error(const Pass& pass, std::int64_t student_layer, TensorView dhidden) const;

  ModelConfig student_config_, teacher_config_;
  DistillationOptions options_;
  std::vector<std::int64_t> layers_;  // the teacher's, from 1
  ParameterStore parameters_, teacher_parameters_;
  PretrainingModel student_;
  std::optional<Linear> fit_;  // after the student's: backward ends with it
  std::int64_t heads_end_ = 0;
  PretrainingModel teacher_;
  std::uint64_t dropout_seed_;
  ArenaSlot sums_, unused_sums_, scales_, teacher_values_, row_losses_, fitted_, dfitted_;
  std::vector<LayerSlots> layer_slots_;
  const Arena* arena_ = nullptr;
  Device* device_ = nullptr;
  std::unique_ptr<DistillationOps> ops_;
};

}  // namespace bertyard
