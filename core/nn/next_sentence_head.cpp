// SPDX-License-Identifier: Apache-2.0
#include "core/nn/next_sentence_head.h"

namespace bertyard {

NextSentenceHead::NextSentenceHead(const ModelConfig& config, ParameterStore& parameters,
                                   WeightDecay decay)
    : hidden_(config.hidden),
      classifier_(parameters, "cls.seq_relationship", config.hidden, 2, decay),
      pooler_(parameters, "bert.pooler.dense", config.hidden, config.hidden, decay) {}

void NextSentenceHead::plan(ArenaPlan& plan, const Capacities& capacities, Mode mode) {
  const Shape rows{capacities.sequences, hidden_};
  const DType type = capacities.activations;
  first_ = plan.add(type, rows);
  pre_ = mode == Mode::training ? plan.add(type, rows) : ArenaSlot{};
  pooled_ = plan.add(type, rows);
  logits_ = plan.add(type, {capacities.sequences, 2});
}

TensorView NextSentenceHead::pooled(const Arena& arena, std::int64_t sequences) const {
  return arena.view(pooled_).slice(0, sequences);
}

TensorView NextSentenceHead::logits(const Arena& arena, std::int64_t sequences) const {
  return arena.view(logits_).slice(0, sequences);
}

void NextSentenceHead::forward(const Pass& pass, const Arena& arena, const RowResults& results,
                               ConstTensorView x, ConstTensorView scale) const {
  const std::int64_t n = pass.input.sequences();
  const TensorView first = arena.view(first_).slice(0, n);
  const TensorView pre = pass.mode == Mode::training ? arena.view(pre_).slice(0, n) : TensorView();
  pass.ops.gather_rows(first, x, pass.input.first_rows());
  pooler_.forward(pass, pooled(arena, n), pre, first, Activation::tanh);
  classifier_.forward(pass, logits(arena, n), pooled(arena, n));
  if (!pass.input.sentence_labels.present()) return;
  if (pass.mode == Mode::training) {
    pass.ops.cross_entropy_gradient(results.loss, results.correct, logits(arena, n),
                                    pass.input.sentence_labels, scale);
  } else {
    pass.ops.cross_entropy(results.loss, results.correct, logits(arena, n),
                           pass.input.sentence_labels);
  }
}

// dpooled = dlogits Wn;  dpre = dpooled (1 - tanh^2 pre);  dx[CLS] += dpre Wp.
void NextSentenceHead::backward(const Pass& pass, const Arena& arena, TensorView dx) const {
  const std::int64_t n = pass.input.sequences();
  const TensorView dlogits = logits(arena, n);
  classifier_.backward_parameters(pass, dlogits, pooled(arena, n));
  const TensorView dpre = pooled(arena, n);
  classifier_.backward_input(pass, dpre, dlogits, Activation::tanh, arena.view(pre_).slice(0, n));
  const TensorView first = arena.view(first_).slice(0, n);
  pooler_.backward_parameters(pass, dpre, first);
  const TensorView dfirst = first;
  pooler_.backward_input(pass, dfirst, dpre, Accumulate::no);
  pass.ops.scatter_add_rows(dx, dfirst, pass.input.first_rows());
}

}  // namespace bertyard
