// SPDX-License-Identifier: Apache-2.0
#include "train/distillation_objective.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "core/backend/layer_ops.h"
#include "core/base/error.h"

namespace bertyard {
namespace {

void require(bool condition, const std::string& message) {
  if (!condition) throw UsageError("distill: " + message);
}

void check_pair(const ModelConfig& student, const ModelConfig& teacher,
                const DistillationOptions& options) {
  require(student.vocab_size == teacher.vocab_size,
          fmt::format("the teacher's vocabulary has {} entries, the student's {}; use one "
                      "vocabulary for both",
                      teacher.vocab_size, student.vocab_size));
  require(student.max_positions <= teacher.max_positions,
          fmt::format("the teacher has {} positions, the student {}; set model.max_positions to {}",
                      teacher.max_positions, student.max_positions, teacher.max_positions));
  require(options.cosine == 0 || student.hidden == teacher.hidden,
          fmt::format("distill.cosine compares hidden states of {} and {} channels; set it to 0 or "
                      "model.hidden to {}",
                      student.hidden, teacher.hidden, teacher.hidden));
  require(options.attention == 0 || student.heads == teacher.heads,
          fmt::format("distill.attention compares scores of {} and {} heads; set it to 0 or "
                      "model.heads to {}",
                      student.heads, teacher.heads, teacher.heads));
}

}  // namespace

std::vector<std::int64_t> teacher_layers(const DistillationOptions& options, std::int64_t student,
                                         std::int64_t teacher) {
  if (!options.layers.empty()) {
    require(static_cast<std::int64_t>(options.layers.size()) == student,
            fmt::format("distill.layers has {} entries, the student {} layers",
                        options.layers.size(), student));
    for (const std::int64_t layer : options.layers) {
      require(
          layer >= 1 && layer <= teacher,
          fmt::format("distill.layers names layer {}, the teacher has 1 to {}", layer, teacher));
    }
    return options.layers;
  }
  require(teacher % student == 0,
          fmt::format("the teacher's {} layers are no multiple of the student's {}; say "
                      "distill.layers, the teacher's layer for each of the student's",
                      teacher, student));
  std::vector<std::int64_t> layers;
  for (std::int64_t i = 1; i <= student; ++i) layers.push_back(i * (teacher / student));
  return layers;
}

DistillationObjective::DistillationObjective(const ModelConfig& student, const ModelConfig& teacher,
                                             const DistillationOptions& options,
                                             std::uint64_t dropout_seed)
    : student_config_(student),
      teacher_config_(teacher),
      options_(options),
      student_(student, SentenceObjective::none, parameters_),
      teacher_(teacher, SentenceObjective::none, teacher_parameters_),
      dropout_seed_(dropout_seed) {
  check_pair(student, teacher, options);
  layers_ = teacher_layers(options, student.layers, teacher.layers);
  heads_end_ = student_.heads_end();
  if (options.hidden > 0 && student.hidden != teacher.hidden) {
    fit_.emplace(parameters_, "distill.fit", student.hidden, teacher.hidden);
  }
}

void DistillationObjective::plan(ArenaPlan& plan, const Capacities& capacities, Mode mode) {
  sums_ = plan.add(DType::f64, {kSums});
  unused_sums_ = plan.add(DType::f64, {4});
  scales_ = plan.add(DType::f32, {kScales});
  teacher_values_ = plan.add(DType::f32, {teacher_parameters_.flat_elements()});
  const std::int64_t rows = std::max({capacities.tokens, capacities.masked, capacities.sequences});
  row_losses_ = plan.add(DType::f32, {3, rows});
  student_.plan(plan, capacities, mode);
  teacher_.plan(plan, capacities, Mode::training);  // which keeps every layer's output
  if (fit_) {
    fitted_ = plan.add(DType::f32, {capacities.tokens, teacher_config_.hidden});
  }
  if (options_.hidden > 0) {
    dfitted_ = plan.add(DType::f32, {capacities.tokens, teacher_config_.hidden});
  }
  layer_slots_.clear();
  for (std::size_t i = 0; options_.attention > 0 && i < layers_.size(); ++i) {
    const std::int64_t scores = student_config_.heads * capacities.tokens * capacities.max_length;
    layer_slots_.push_back({plan.add(DType::f32, {scores}), plan.add(DType::f32, {scores})});
  }
}

void DistillationObjective::bind(const Arena& arena, Device& device) {
  arena_ = &arena;
  device_ = &device;
  ops_ = make_distillation_ops(device);
  teacher_parameters_.bind(arena.view(teacher_values_), {});
}

void DistillationObjective::extend(WorkspaceLimits& limits) const {
  limits.hidden = std::max(limits.hidden, teacher_config_.hidden);
  limits.heads = std::min(limits.heads, teacher_config_.heads);  // the largest head decides
  limits.intermediate = std::max(limits.intermediate, teacher_config_.intermediate);
  limits.weights += teacher_parameters_.parameter_count();
}

void DistillationObjective::begin(const StepCounts& counts) {
  const auto over = [](double weight, std::int64_t count) {
    return count > 0 ? static_cast<float>(weight / static_cast<double>(count)) : 0.0f;
  };
  const std::array<float, kScales> scales{
      over(options_.hard, counts.masked), over(options_.soft, counts.masked),
      over(options_.cosine, counts.tokens), over(options_.hidden, counts.tokens),
      over(options_.attention, counts.tokens)};
  device_->copy(arena_->view(scales_), view_of(std::span<const float>(scales)),
                CopyDirection::host_to_device, device_->compute_stream());
  device_->set_zero(sums(), device_->compute_stream());
  device_->synchronize();
}

Pass DistillationObjective::pass(const PackedInput& input, const ParameterStore& parameters,
                                 Mode mode) const {
  return {device_->layer_ops(), parameters, input, mode, dropout_seed_};
}

void DistillationObjective::add(Sum which, TensorView losses) const {
  device_->layer_ops().add_sum(sum(which), losses);
}

// Heads times the sum of squared lengths: only the offsets tell.
std::int64_t DistillationObjective::score_elements(const PackedInput& input,
                                                   std::int64_t heads) const {
  if (layer_slots_.empty()) return 0;
  std::vector<std::int32_t> offsets(static_cast<std::size_t>(input.packing.offsets.rows()));
  device_->copy(view_of(std::span(offsets)), input.packing.offsets, CopyDirection::device_to_host,
                device_->compute_stream());
  device_->synchronize();
  std::int64_t squares = 0;
  for (std::size_t n = 1; n < offsets.size(); ++n) {
    const std::int64_t length = offsets[n] - offsets[n - 1];
    squares += length * length;
  }
  return heads * squares;
}

EncoderTaps DistillationObjective::score_taps(std::int64_t elements, bool of_teacher) const {
  EncoderTaps taps;
  if (layer_slots_.empty()) return taps;
  taps.scores = [this, elements, of_teacher](std::int64_t layer) -> TensorView {
    auto place = static_cast<std::size_t>(layer);
    if (of_teacher) {
      const auto mapped = std::ranges::find(layers_, layer + 1);
      if (mapped == layers_.end()) return {};
      place = static_cast<std::size_t>(mapped - layers_.begin());
    }
    const LayerSlots& slots = layer_slots_[place];
    const ArenaSlot& slot = of_teacher ? slots.teacher_scores : slots.student_scores;
    return arena_->view(slot).slice(0, elements);
  };
  return taps;
}

void DistillationObjective::run_teacher(const Pass& pass, std::int64_t score_count) const {
  const EncoderTaps taps = score_taps(score_count, /*of_teacher=*/true);
  const TensorView hidden = teacher_.encoder().forward(pass, *arena_, &taps);
  if (with_logits()) teacher_.mlm().forward_logits(pass, *arena_, hidden);
}

void DistillationObjective::masked_tokens(const Pass& pass, TensorView hidden,
                                          TensorView dhidden) const {
  const std::int64_t masked = pass.input.masked();
  if (masked == 0 || !with_logits()) return;
  student_.mlm().forward_logits(pass, *arena_, hidden);
  const TensorView rows = arena_->view(row_losses_);
  const auto losses = [&](std::int64_t row) {
    return rows.slice(row, 1).reshaped({rows.shape()[1]}).slice(0, masked);
  };
  ops_->logits_gradient({losses(0), losses(1), losses(2)}, student_.mlm().logits(*arena_, masked),
                        {.labels = pass.input.masked_labels,
                         .teacher = teacher_.mlm().logits(*arena_, masked),
                         .scales = arena_->view(scales_).slice(kHardScale, 2),
                         .temperature = options_.temperature});
  add(kHard, losses(0));
  add(kSoft, losses(1));
  add(kCorrect, losses(2));
  student_.mlm().backward(pass, *arena_, dhidden);
}

void DistillationObjective::cosine(const Pass& pass, TensorView hidden, TensorView dhidden) const {
  if (options_.cosine == 0) return;
  const std::int64_t tokens = pass.input.tokens();
  const TensorView losses = arena_->view(row_losses_).reshaped({row_losses_.shape.elements()});
  const TensorView target =
      teacher_.encoder().hidden_state(*arena_, teacher_config_.layers - 1, tokens);
  ops_->cosine_gradient(losses.slice(0, tokens), dhidden, {hidden, target, scale(kCosineScale)});
  add(kCosine, losses.slice(0, tokens));
}

void DistillationObjective::attention_errors(const Pass& pass, std::int64_t score_count) const {
  const TensorView losses = arena_->view(row_losses_).reshaped({row_losses_.shape.elements()});
  for (const LayerSlots& slots : layer_slots_) {
    ops_->score_gradient(losses.slice(0, pass.input.sequences()),
                         arena_->view(slots.student_scores).slice(0, score_count),
                         {.target = arena_->view(slots.teacher_scores).slice(0, score_count),
                          .offsets = pass.input.packing.offsets,
                          .scale = scale(kAttentionScale),
                          .heads = student_config_.heads});
    add(kAttention, losses.slice(0, pass.input.sequences()));
  }
}

// With f = W h + b, or h itself where the widths are equal: dh += W^T df, df = 2 (f - t) scale / H.
void DistillationObjective::hidden_error(const Pass& pass, std::int64_t index,
                                         TensorView dhidden) const {
  const std::int64_t tokens = pass.input.tokens();
  const TensorView losses = arena_->view(row_losses_).reshaped({row_losses_.shape.elements()});
  const std::int64_t of_teacher = index < 0 ? -1 : layers_[static_cast<std::size_t>(index)] - 1;
  const ConstTensorView target = teacher_.encoder().hidden_state(*arena_, of_teacher, tokens);
  const TensorView hidden = student_.encoder().hidden_state(*arena_, index, tokens);
  if (!fit_) {
    ops_->squared_gradient(losses.slice(0, tokens), dhidden, {hidden, target, scale(kHiddenScale)});
  } else {
    const TensorView fitted = arena_->view(fitted_).slice(0, tokens);
    const TensorView dfitted = arena_->view(dfitted_).slice(0, tokens);
    fit_->forward(pass, fitted, hidden);
    device_->set_zero(dfitted, device_->compute_stream());
    ops_->squared_gradient(losses.slice(0, tokens), dfitted, {fitted, target, scale(kHiddenScale)});
    fit_->backward_parameters(pass, dfitted, hidden);
    fit_->backward_input(pass, dhidden, dfitted, Accumulate::yes);
  }
  add(kHidden, losses.slice(0, tokens));
}

void DistillationObjective::train(const PackedInput& input, const GradientsReady& ready) {
  const std::int64_t score_count = score_elements(input, student_config_.heads);
  run_teacher(pass(input, teacher_parameters_, Mode::evaluation), score_count);
  const Pass of_student = pass(input, parameters_, Mode::training);
  EncoderTaps taps = score_taps(score_count, /*of_teacher=*/false);
  if (options_.hidden > 0) {
    taps.add_gradient = [&](std::int64_t index, TensorView dhidden) {
      hidden_error(of_student, index, dhidden);
    };
  }
  const TensorView hidden = student_.encoder().forward(of_student, *arena_, &taps);
  const TensorView dhidden = student_.encoder().output_gradient(*arena_, input.tokens());
  device_->set_zero(dhidden, device_->compute_stream());
  masked_tokens(of_student, hidden, dhidden);
  cosine(of_student, hidden, dhidden);
  attention_errors(of_student, score_count);
  if (ready) ready(heads_end_);
  student_.encoder().backward(of_student, *arena_, ready, &taps);
}

void DistillationObjective::evaluate(const PackedInput& input) {
  const TensorView all = sums();
  student_.forward(pass(input, parameters_, Mode::evaluation), *arena_,
                   {all.slice(kHard, 1), all.slice(kCorrect, 1), {}, {}}, {});
}

}  // namespace bertyard
