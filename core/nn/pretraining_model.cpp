// SPDX-License-Identifier: Apache-2.0
#include "core/nn/pretraining_model.h"

#include <algorithm>

namespace bertyard {

PretrainingModel::PretrainingModel(const ModelConfig& config, SentenceObjective sentences,
                                   ParameterStore& parameters)
    : is_causal_(config.is_causal()),
      sentences_(sentences),
      sentence_(is_causal_ ? std::nullopt
                           : std::make_optional<NextSentenceHead>(
                                 config, parameters,
                                 sentences == SentenceObjective::none ? WeightDecay::no
                                                                      : WeightDecay::yes)),
      mlm_(config, parameters),
      heads_end_(parameters.flat_elements()),
      encoder_(config, parameters) {
  mlm_.tie(encoder_.word_embedding());
}

void PretrainingModel::plan(ArenaPlan& plan, const Capacities& capacities, Mode mode) {
  encoder_.plan(plan, capacities, mode);
  Capacities head = capacities;
  if (is_causal_) head.masked = std::min(head.masked, kLogitRows);
  mlm_.plan(plan, head, mode);
  if (sentence_) sentence_->plan(plan, capacities, mode);
  const std::int64_t rows = std::max(capacities.masked, capacities.sequences);
  row_loss_ = plan.add(DType::f32, {rows});
  row_correct_ = plan.add(DType::f32, {rows});
}

RowResults PretrainingModel::results(const Arena& arena, std::int64_t rows) const {
  return {arena.view(row_loss_).slice(0, rows), arena.view(row_correct_).slice(0, rows)};
}

bool PretrainingModel::with_sentences(const Pass& pass) const {
  return sentence_ && sentences_ == SentenceObjective::next_sentence &&
         pass.input.sentence_labels.present();
}

void PretrainingModel::predict_masked(const Pass& pass, const Arena& arena,
                                      const PretrainingSums& sums, const PretrainingScales& scales,
                                      ConstTensorView hidden) const {
  if (pass.input.masked() == 0) return;
  const RowResults mlm = results(arena, pass.input.masked());
  mlm_.forward(pass, arena, mlm, hidden, scales.mlm);
  pass.ops.add_sum(sums.mlm_loss, mlm.loss);
  pass.ops.add_sum(sums.mlm_correct, mlm.correct);
}

// Some rows at a time, and in training each backward before the next rows take the logits' place:
// dhidden = sum of the parts, which are finished here.
void PretrainingModel::predict_next(const Pass& pass, const Arena& arena,
                                    const PretrainingSums& sums, const PretrainingScales& scales,
                                    ConstTensorView hidden) const {
  const std::int64_t rows = pass.input.masked();
  for (std::int64_t first = 0; first < rows; first += kLogitRows) {
    const std::int64_t count = std::min(kLogitRows, rows - first);
    PackedInput input = pass.input;
    input.masked_rows = pass.input.masked_rows.slice(first, count);
    input.masked_labels = pass.input.masked_labels.slice(first, count);
    const Pass part{pass.ops, pass.parameters, input, pass.mode, pass.dropout_seed, pass.losses};
    const RowResults next = results(arena, count);
    mlm_.forward(part, arena, next, hidden, scales.mlm);
    pass.ops.add_sum(sums.mlm_loss, next.loss);
    pass.ops.add_sum(sums.mlm_correct, next.correct);
    if (pass.mode == Mode::training) {
      mlm_.backward(part, arena, encoder_.output_gradient(arena, pass.input.tokens()));
    }
  }
}

void PretrainingModel::forward(const Pass& pass, const Arena& arena, Device& device,
                               const PretrainingSums& sums, const PretrainingScales& scales) const {
  const TensorView hidden = encoder_.forward(pass, arena);
  const Span span(pass.spans, "heads forward");
  if (pass.mode == Mode::training) {
    device.set_zero(encoder_.output_gradient(arena, pass.input.tokens()), device.compute_stream());
  }
  is_causal_ ? predict_next(pass, arena, sums, scales, hidden)
             : predict_masked(pass, arena, sums, scales, hidden);
  if (with_sentences(pass)) {
    const RowResults sentence = results(arena, pass.input.sequences());
    sentence_->forward(pass, arena, sentence, hidden, scales.sentence);
    pass.ops.add_sum(sums.sentence_loss, sentence.loss);
    pass.ops.add_sum(sums.sentence_correct, sentence.correct);
  }
}

void PretrainingModel::backward(const Pass& pass, const Arena& arena,
                                const GradientsReady& ready) const {
  const TensorView dhidden = encoder_.output_gradient(arena, pass.input.tokens());
  {
    const Span span(pass.spans, "heads backward");
    if (with_sentences(pass)) sentence_->backward(pass, arena, dhidden);
    if (!is_causal_) mlm_.backward(pass, arena, dhidden);
  }
  if (ready) ready(heads_end_);
  encoder_.backward(pass, arena, ready);
}

}  // namespace bertyard
