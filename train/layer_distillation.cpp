// SPDX-License-Identifier: Apache-2.0
#include "train/layer_distillation.h"

#include <algorithm>
#include <array>
#include <span>

#include "core/backend/layer_ops.h"

namespace bertyard {

void extend_for(const ModelConfig& teacher, const ParameterStore& parameters,
                WorkspaceLimits& limits) {
  limits.hidden = std::max(limits.hidden, teacher.hidden);
  limits.heads = std::min(limits.heads, teacher.heads);  // the largest head decides
  limits.intermediate = std::max(limits.intermediate, teacher.intermediate);
  limits.weights += parameters.parameter_count();
}

LayerDistillation::LayerDistillation(const ModelConfig& student, const TeacherSetting& teacher,
                                     ParameterStore& parameters)
    : options_(teacher.options), student_(student), teacher_(teacher.model) {
  check_teacher(student, teacher);
  if (options_.uses_layers()) {
    layers_ = teacher_layers(options_, student.layers, teacher_.layers);
  }
  if (options_.hidden > 0 && student.hidden != teacher_.hidden) {
    fit_.emplace(parameters, "distill.fit", student.hidden, teacher_.hidden);
  }
}

void LayerDistillation::plan(ArenaPlan& plan, const Capacities& capacities) {
  const Shape hidden{capacities.tokens, teacher_.hidden};
  scales_ = plan.add(DType::f32, {kTerms});
  losses_ = plan.add(DType::f32, {std::max(capacities.tokens, capacities.sequences)});
  pairs_.assign(layers_.size(), {});
  if (options_.hidden > 0) {
    embedding_ = plan.add(DType::f32, hidden);
    for (Pair& pair : pairs_) pair.teacher_hidden = plan.add(DType::f32, hidden);
  }
  if (fit_) {
    fitted_ = plan.add(DType::f32, hidden);
    dfitted_ = plan.add(DType::f32, hidden);
  }
  if (options_.attention > 0) {
    const Shape scores{student_.heads * capacities.tokens * capacities.max_length};
    for (Pair& pair : pairs_) {
      pair.student_scores = plan.add(DType::f32, scores);
      pair.teacher_scores = plan.add(DType::f32, scores);
    }
  }
}

void LayerDistillation::bind(const Arena& arena, Device& device, DistillationOps& ops) {
  arena_ = &arena;
  device_ = &device;
  ops_ = &ops;
}

void LayerDistillation::begin(std::int64_t tokens) {
  const auto over = [tokens](double weight) {
    return tokens > 0 ? static_cast<float>(weight / static_cast<double>(tokens)) : 0.0f;
  };
  const std::array<float, kTerms> scales{over(options_.cosine), over(options_.hidden),
                                         over(options_.attention)};
  device_->copy(arena_->view(scales_), view_of(std::span<const float>(scales)),
                CopyDirection::host_to_device, device_->compute_stream());
  device_->synchronize();
}

// Heads times the sum of squared lengths: only the offsets tell.
void LayerDistillation::count_scores(const PackedInput& input) {
  std::vector<std::int32_t> offsets(static_cast<std::size_t>(input.packing.offsets.rows()));
  device_->copy(view_of(std::span(offsets)), input.packing.offsets, CopyDirection::device_to_host,
                device_->compute_stream());
  device_->synchronize();
  score_count_ = 0;
  for (std::size_t n = 1; n < offsets.size(); ++n) {
    const std::int64_t length = offsets[n] - offsets[n - 1];
    score_count_ += student_.heads * length * length;
  }
}

// A layer of the teacher may stand beside several of the student.
void LayerDistillation::keep_hidden(std::int64_t index, ConstTensorView hidden) const {
  const auto keep = [&](const ArenaSlot& slot) {
    device_->copy(arena_->view(slot).slice(0, hidden.rows()), hidden,
                  CopyDirection::device_to_device, device_->compute_stream());
  };
  if (index < 0) return keep(embedding_);
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    if (layers_[i] == index + 1) keep(pairs_[i].teacher_hidden);
  }
}

TensorView LayerDistillation::run_teacher(const Pass& pass, const Encoder& encoder) {
  EncoderTaps taps;
  if (options_.attention > 0) {
    count_scores(pass.input);
    taps.scores = [this](std::int64_t layer) -> TensorView {
      const auto mapped = std::ranges::find(layers_, layer + 1);
      if (mapped == layers_.end()) return {};
      return scores(pairs_[static_cast<std::size_t>(mapped - layers_.begin())].teacher_scores);
    };
  }
  if (options_.hidden > 0) {
    taps.output = [this](std::int64_t index, ConstTensorView hidden) {
      keep_hidden(index, hidden);
    };
  }
  teacher_hidden_ = encoder.forward(pass, *arena_, &taps);
  return teacher_hidden_;
}

TensorView LayerDistillation::run_student(const Pass& pass, const Encoder& encoder) {
  EncoderTaps taps;
  if (options_.attention > 0) {
    taps.scores = [this](std::int64_t layer) {
      return scores(pairs_[static_cast<std::size_t>(layer)].student_scores);
    };
  }
  student_hidden_ = encoder.forward(pass, *arena_, &taps);
  return student_hidden_;
}

void LayerDistillation::add_errors(const Pass& pass, TensorView dhidden, TensorView sums) {
  if (options_.cosine > 0) {
    const TensorView loss = losses(pass.input.tokens());
    ops_->cosine_gradient(loss, dhidden, {student_hidden_, teacher_hidden_, scale(kCosine)});
    pass.ops.add_sum(sums.slice(kCosine, 1), loss);
  }
  if (options_.attention == 0) return;
  for (std::size_t i = 0; i < pairs_.size(); ++i) {
    // Of one teacher's layer under several of the student's the first has the scores.
    const auto first =
        static_cast<std::size_t>(std::ranges::find(layers_, layers_[i]) - layers_.begin());
    const TensorView loss = losses(pass.input.sequences());
    ops_->score_gradient(loss, scores(pairs_[i].student_scores),
                         {.target = scores(pairs_[first].teacher_scores),
                          .offsets = pass.input.packing.offsets,
                          .scale = scale(kAttention),
                          .heads = student_.heads});
    pass.ops.add_sum(sums.slice(kAttention, 1), loss);
  }
}

// With f = W h + b, or h itself where the widths are equal: dh += W^T df, df = 2 (f - t) scale / H.
void LayerDistillation::hidden_error(const Pass& pass, const Encoder& encoder, std::int64_t index,
                                     TensorView dhidden, TensorView sums) const {
  const std::int64_t tokens = pass.input.tokens();
  const ArenaSlot& kept =
      index < 0 ? embedding_ : pairs_[static_cast<std::size_t>(index)].teacher_hidden;
  const ConstTensorView target = arena_->view(kept).slice(0, tokens);
  const TensorView hidden = encoder.hidden_state(*arena_, index, tokens);
  const TensorView loss = losses(tokens);
  if (!fit_) {
    ops_->squared_gradient(loss, dhidden, {hidden, target, scale(kHidden)});
  } else {
    const TensorView fitted = arena_->view(fitted_).slice(0, tokens);
    const TensorView dfitted = arena_->view(dfitted_).slice(0, tokens);
    fit_->forward(pass, fitted, hidden);
    device_->set_zero(dfitted, device_->compute_stream());
    ops_->squared_gradient(loss, dfitted, {fitted, target, scale(kHidden)});
    fit_->backward_parameters(pass, dfitted, hidden);
    fit_->backward_input(pass, dhidden, dfitted, Accumulate::yes);
  }
  pass.ops.add_sum(sums.slice(kHidden, 1), loss);
}

void LayerDistillation::backward(const Pass& pass, const Encoder& encoder, TensorView sums,
                                 const GradientsReady& ready) {
  EncoderTaps taps;
  if (options_.attention > 0) {
    taps.scores = [this](std::int64_t layer) {
      return scores(pairs_[static_cast<std::size_t>(layer)].student_scores);
    };
  }
  if (options_.hidden > 0) {
    taps.add_gradient = [&](std::int64_t index, TensorView dhidden) {
      hidden_error(pass, encoder, index, dhidden, sums);
    };
  }
  encoder.backward(pass, *arena_, ready, &taps);
}

}  // namespace bertyard
