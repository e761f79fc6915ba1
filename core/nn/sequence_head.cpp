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
      classifier_(parameters, "classifier", config.hidden, head.labels),
      pooler_(parameters, "bert.pooler.dense", config.hidden, config.hidden) {}

void SequenceHead::plan(ArenaPlan& plan, const Capacities& capacities, Mode mode) {
  const Shape rows{capacities.sequences, hidden_};
  const DType type = capacities.activations;
  first_ = plan.add(type, rows);
  pre_ = mode == Mode::training ? plan.add(type, rows) : ArenaSlot{};
  pooled_ = plan.add(type, rows);
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
  const TensorView first = arena.view(first_).slice(0, n);
  const TensorView pooled = arena.view(pooled_).slice(0, n);
  const TensorView dropped = arena.view(dropped_).slice(0, n);
  const TensorView pre = pass.mode == Mode::training ? arena.view(pre_).slice(0, n) : TensorView();
  pass.ops.gather_rows(first, x, pass.input.first_rows());
  pooler_.forward(pass, pooled, pre, first, Activation::tanh);
  pass.losses->dropout(dropped, pooled, pass.input.first_rows(), dropout(pass));
  const TensorView y = logits(pass.input, arena);
  classifier_.forward(pass, y, dropped);
  return y;
}

void SequenceHead::losses(const Pass& pass, const Arena& arena, const RowResults& results,
                          const TaskWeights& weights) const {
  const TensorView y = logits(pass.input, arena);
  if (head_.kind != HeadKind::regress) {
    return class_losses(pass, results, y, pass.input.task_labels, weights);
  }
  const ConstTensorView values = pass.input.task_values;
  pass.mode == Mode::training
      ? pass.losses->squared_error_gradient(results.loss, y, values, weights.scale)
      : pass.losses->squared_error(results.loss, y, values);
}

// ddropped = dlogits Wc;  dpre = dropout'(ddropped) (1 - tanh^2 pre);  dx[CLS] += dpre Wp.
void SequenceHead::backward(const Pass& pass, const Arena& arena, TensorView dx) const {
  const std::int64_t n = pass.input.sequences();
  const TensorView dlogits = logits(pass.input, arena);
  const TensorView dropped = arena.view(dropped_).slice(0, n);
  classifier_.backward_parameters(pass, dlogits, dropped);
  const TensorView dpre = dropped;
  classifier_.backward_input(pass, dpre, dlogits, Accumulate::no);
  pass.losses->dropout(dpre, dpre, pass.input.first_rows(), dropout(pass));
  pass.ops.activation_backward(dpre, dpre, arena.view(pre_).slice(0, n), Activation::tanh);
  const TensorView first = arena.view(first_).slice(0, n);
  pooler_.backward_parameters(pass, dpre, first);
  const TensorView dfirst = first;
  pooler_.backward_input(pass, dfirst, dpre, Accumulate::no);
  pass.ops.scatter_add_rows(dx, dfirst, pass.input.first_rows());
}

}  // namespace bertyard
