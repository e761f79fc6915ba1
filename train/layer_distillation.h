// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "core/backend/device.h"
#include "core/backend/distillation_ops.h"
#include "core/nn/encoder.h"
#include "core/nn/linear.h"
#include "core/nn/pass.h"
#include "train/distillation_options.h"

namespace bertyard {

// What a student's encoder learns from inside a teacher's:
//   cosine: 1 - cos of the last hidden states;  hidden: squared error of the embedding and of every
//   mapped layer's output, through one linear fit where the widths differ;  attention: squared
//   error of the mapped layers' scores before softmax (Jiao et al. 2020). Layers are summed, tokens
//   of the global batch averaged. Owns the fit's parameters and the places of what it keeps, no
//   model.
class LayerDistillation {
 public:
  enum Term { kCosine, kHidden, kAttention, kTerms };

  // The fit is registered last: its gradients are final when those of the embedding are.
  LayerDistillation(const ModelConfig& student, const TeacherSetting& teacher,
                    ParameterStore& parameters);

  void plan(ArenaPlan& plan, const Capacities& capacities);
  void bind(const Arena& arena, Device& device, DistillationOps& ops);
  // `tokens` of the global batch.
  void begin(std::int64_t tokens);

  // Forward of the two in this order, each [T, H]; then add_errors() and backward() of the same
  // micro-batch.
  TensorView run_teacher(const Pass& pass, const Encoder& encoder);
  TensorView run_student(const Pass& pass, const Encoder& encoder);
  // Adds the cosine's gradient to dhidden and puts the scores' in their place; `sums` f64 [kTerms].
  void add_errors(const Pass& pass, TensorView dhidden, TensorView sums);
  // The student's, with the gradients of the inside.
  void backward(const Pass& pass, const Encoder& encoder, TensorView sums,
                const GradientsReady& ready);

 private:
  // What is kept of a pair of layers.
  struct Pair {
    ArenaSlot student_scores, teacher_scores;
    ArenaSlot teacher_hidden;
  };

  TensorView losses(std::int64_t rows) const { return arena_->view(losses_).slice(0, rows); }
  ConstTensorView scale(Term term) const { return arena_->view(scales_).slice(term, 1); }
  void count_scores(const PackedInput& input);
  TensorView scores(const ArenaSlot& slot) const {
    return arena_->view(slot).slice(0, score_count_);
  }
  void keep_hidden(std::int64_t index, ConstTensorView hidden) const;
  void hidden_error(const Pass& pass, const Encoder& encoder, std::int64_t index,
                    TensorView dhidden, TensorView sums) const;

  DistillationOptions options_;
  ModelConfig student_, teacher_;
  std::vector<std::int64_t> layers_;  // the teacher's, from 1; empty: none is compared
  std::optional<Linear> fit_;
  std::vector<Pair> pairs_;  // of layers_
  ArenaSlot embedding_;      // the teacher's
  ArenaSlot losses_, scales_, fitted_, dfitted_;
  std::int64_t score_count_ = 0;  // of a layer in this micro-batch
  TensorView student_hidden_, teacher_hidden_;
  const Arena* arena_ = nullptr;
  Device* device_ = nullptr;
  DistillationOps* ops_ = nullptr;
};

// Raises what is reserved for a student until its teacher runs within it.
void extend_for(const ModelConfig& teacher, const ParameterStore& parameters,
                WorkspaceLimits& limits);

}  // namespace bertyard
