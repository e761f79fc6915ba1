// SPDX-License-Identifier: Apache-2.0
#include "core/nn/pretraining_model.h"

#include <algorithm>

namespace bertyard {

PretrainingModel::PretrainingModel(const ModelConfig& config, SentenceObjective sentences,
                                   ParameterStore& parameters)
    : sentences_(sentences),
      sentence_(config, parameters),
      mlm_(config, parameters),
      heads_end_(parameters.flat_elements()),
      encoder_(config, parameters) {
  mlm_.tie(encoder_.word_embedding());
}

void PretrainingModel::plan(ArenaPlan& plan, const Capacities& capacities, Mode mode) {
  encoder_.plan(plan, capacities, mode);
  mlm_.plan(plan, capacities, mode);
  sentence_.plan(plan, capacities, mode);
  const std::int64_t rows = std::max(capacities.masked, capacities.sequences);
  row_loss_ = plan.add(DType::f32, {rows});
  row_correct_ = plan.add(DType::f32, {rows});
}

RowResults PretrainingModel::results(const Arena& arena, std::int64_t rows) const {
  return {arena.view(row_loss_).slice(0, rows), arena.view(row_correct_).slice(0, rows)};
}

bool PretrainingModel::with_sentences(const Pass& pass) const {
  return sentences_ == SentenceObjective::next_sentence && pass.input.sentence_labels.present();
}

void PretrainingModel::forward(const Pass& pass, const Arena& arena, const PretrainingSums& sums,
                               const PretrainingScales& scales) const {
  const TensorView hidden = encoder_.forward(pass, arena);
  if (pass.input.masked() > 0) {
    const RowResults mlm = results(arena, pass.input.masked());
    mlm_.forward(pass, arena, mlm, hidden, scales.mlm);
    pass.ops.add_sum(sums.mlm_loss, mlm.loss);
    pass.ops.add_sum(sums.mlm_correct, mlm.correct);
  }
  if (with_sentences(pass)) {
    const RowResults sentence = results(arena, pass.input.sequences());
    sentence_.forward(pass, arena, sentence, hidden, scales.sentence);
    pass.ops.add_sum(sums.sentence_loss, sentence.loss);
    pass.ops.add_sum(sums.sentence_correct, sentence.correct);
  }
}

void PretrainingModel::backward(const Pass& pass, const Arena& arena, Device& device,
                                const GradientsReady& ready) const {
  const TensorView dhidden = encoder_.output_gradient(arena, pass.input.tokens());
  device.set_zero(dhidden, device.compute_stream());
  if (with_sentences(pass)) sentence_.backward(pass, arena, dhidden);
  mlm_.backward(pass, arena, dhidden);
  if (ready) ready(heads_end_);
  encoder_.backward(pass, arena, ready);
}

}  // namespace bertyard
