// SPDX-License-Identifier: Apache-2.0
#include "core/nn/sequence_head.h"

#include "core/nn/class_losses.h"

namespace bertyard {

SequenceHead::SequenceHead(const ModelConfig& config, const HeadConfig& head,
                           ParameterStore& parameters)
    : head_(head),
      hidden_(config.hidden),
      layers_(config.layers),
      dropout_(config.dropout),
      classifier_(parameters, "classifier", config.hidden, head.labels) {
  if (!config.is_causal()) {
    pooler_.emplace(parameters, "bert.pooler.dense", config.hidden, config.hidden);
  }
}

void SequenceHead::plan(ArenaPlan& plan, const Capacities& capacities, Mode mode) {
  const Shape rows{capacities.sequences, hidden_};
  const DType type = capacities.activations;
  token_ = plan.add(type, rows);
  if (pooler_) {
    pre_ = mode == Mode::training ? plan.add(type, rows) : ArenaSlot{};
    pooled_ = plan.add(type, rows);
  }
  dropped_ = plan.add(type, rows);
  logits_ = plan.add(type, {capacities.sequences, head_.labels});
}

// One layer above the encoder's.
Dropout SequenceHead::dropout(const Pass& pass) const {
  return pass.dropout(dropout_, layers_, DropoutSite::classifier);
}

TensorView SequenceHead::logits(const PackedInput& input, const Arena& arena) const {
  return arena.view(logits_).slice(0, input.sequences());
}

TensorView SequenceHead::compute_logits(const Pass& pass, const Arena& arena,
                                        ConstTensorView x) const {
  const std::int64_t n = pass.input.sequences();
  const ConstTensorView rows = token_rows(pass.input);
  const TensorView token = arena.view(token_).slice(0, n);
  const TensorView dropped = arena.view(dropped_).slice(0, n);
  pass.ops.gather_rows(token, x, rows);
  if (pooler_) {
    const bool training = pass.mode == Mode::training;
    const TensorView pre = training ? arena.view(pre_).slice(0, n) : TensorView();
    const TensorView pooled = arena.view(pooled_).slice(0, n);
    pooler_->forward(pass, pooled, pre, token, Activation::tanh);
    pass.losses->dropout(dropped, pooled, rows, dropout(pass));
  } else {
    pass.losses->dropout(dropped, token, rows, dropout(pass));
  }
  const TensorView y = logits(pass.input, arena);
  classifier_.forward(pass, y, dropped);
  return y;
}

void SequenceHead::losses(const Pass& pass, const Arena& arena, const RowResults& results,
                          const TaskWeights& weights) const {
  sequence_losses(pass, results, head_.kind, logits(pass.input, arena), weights);
}

// ddropped = dlogits Wc;  dtoken = dropout'(ddropped), or with a pooler dpre = dropout'(ddropped)
// (1 - tanh^2 pre) and dtoken = dpre Wp;  dx[row of the token] += dtoken.
void SequenceHead::backward(const Pass& pass, const Arena& arena, TensorView dx) const {
  const std::int64_t n = pass.input.sequences();
  const ConstTensorView rows = token_rows(pass.input);
  const TensorView dlogits = logits(pass.input, arena);
  const TensorView dropped = arena.view(dropped_).slice(0, n);
  classifier_.backward_parameters(pass, dlogits, dropped);
  const TensorView ddropped = dropped;
  classifier_.backward_input(pass, ddropped, dlogits, Accumulate::no);
  pass.losses->dropout(ddropped, ddropped, rows, dropout(pass));
  if (!pooler_) return pass.ops.scatter_add_rows(dx, ddropped, rows);
  const TensorView dpre = ddropped;
  pass.ops.activation_backward(dpre, ddropped, arena.view(pre_).slice(0, n), Activation::tanh);
  const TensorView token = arena.view(token_).slice(0, n);
  pooler_->backward_parameters(pass, dpre, token);
  const TensorView dtoken = token;
  pooler_->backward_input(pass, dtoken, dpre, Accumulate::no);
  pass.ops.scatter_add_rows(dx, dtoken, rows);
}

}  // namespace bertyard
