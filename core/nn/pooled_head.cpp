// SPDX-License-Identifier: Apache-2.0
#include "core/nn/pooled_head.h"

#include "core/nn/class_losses.h"

namespace bertyard {

PooledHead::PooledHead(const ModelConfig& config, std::int64_t width, const HeadConfig& head,
                       ParameterStore& parameters)
    : head_(head),
      width_(width),
      layers_(config.layers),
      dropout_(config.dropout),
      classifier_(parameters, "classifier", width, head.labels),
      context_(parameters.add("elmo_task.pool.context", {1, width}, WeightDecay::yes)),
      dense_(parameters, "elmo_task.pool.dense", width, width) {}

void PooledHead::plan(ArenaPlan& plan, const Capacities& capacities, Mode mode) {
  const Shape tokens{capacities.tokens, width_}, sequences{capacities.sequences, width_};
  hidden_ = plan.add(DType::f32, tokens);
  scores_ = plan.add(DType::f32, {capacities.tokens, 1});
  shares_ = plan.add(DType::f32, {capacities.tokens});
  pooled_ = plan.add(DType::f32, sequences);
  dropped_ = plan.add(DType::f32, sequences);
  logits_ = plan.add(DType::f32, {capacities.sequences, head_.labels});
  if (mode == Mode::evaluation) return;
  input_ = plan.add(DType::f32, tokens);
  hidden_pre_ = plan.add(DType::f32, tokens);
}

// One layer above the body's.
Dropout PooledHead::dropout(const Pass& pass) const {
  return pass.dropout(dropout_, layers_, DropoutSite::classifier);
}

TensorView PooledHead::logits(const PackedInput& input, const Arena& arena) const {
  return arena.view(logits_).slice(0, input.sequences());
}

// In training keeps its input, as SpanHead does.
TensorView PooledHead::compute_logits(const Pass& pass, const Arena& arena,
                                      ConstTensorView x) const {
  const std::int64_t n = pass.input.sequences(), t = pass.input.tokens();
  const auto rows = [&](const ArenaSlot& slot, std::int64_t count) {
    return arena.view(slot).slice(0, count);
  };
  const bool training = pass.mode == Mode::training;
  if (training) pass.losses->dropout(rows(input_, t), x, {}, {});
  const TensorView hidden = rows(hidden_, t), scores = rows(scores_, t);
  const TensorView pooled = rows(pooled_, n), dropped = rows(dropped_, n);
  dense_.forward(pass, hidden, training ? rows(hidden_pre_, t) : TensorView(), x, Activation::tanh);
  pass.ops.linear(scores, {}, {.x = hidden, .w = pass.parameters.value(context_), .bias = {}});
  pass.recurrent->attention_pool(pooled, rows(shares_, t), x, scores, pass.input.packing);
  pass.losses->dropout(dropped, pooled, pass.input.first_rows(), dropout(pass));
  const TensorView y = logits(pass.input, arena);
  classifier_.forward(pass, y, dropped);
  return y;
}

void PooledHead::losses(const Pass& pass, const Arena& arena, const RowResults& results,
                        const TaskWeights& weights) const {
  sequence_losses(pass, results, head_.kind, logits(pass.input, arena), weights);
}

// dpooled = dropout'(dlogits Wc), then as attention_pool_backward;  dc += dscores^T h;
// dpre = dscores c (1 - h^2);  dx += dpre Wa + what the pooling leaves.
void PooledHead::backward(const Pass& pass, const Arena& arena, TensorView dx) const {
  const std::int64_t n = pass.input.sequences(), t = pass.input.tokens();
  const auto rows = [&](const ArenaSlot& slot, std::int64_t count) {
    return arena.view(slot).slice(0, count);
  };
  const TensorView dlogits = logits(pass.input, arena), dropped = rows(dropped_, n);
  classifier_.backward_parameters(pass, dlogits, dropped);
  const TensorView dpooled = dropped;
  classifier_.backward_input(pass, dpooled, dlogits, Accumulate::no);
  pass.losses->dropout(dpooled, dpooled, pass.input.first_rows(), dropout(pass));
  const TensorView dscores = rows(scores_, t), x = rows(input_, t);
  pass.recurrent->attention_pool_backward(
      dx, dscores, {dpooled, rows(pooled_, n), rows(shares_, t), x, pass.input.packing});
  const TensorView hidden = rows(hidden_, t);
  pass.ops.linear_backward_weight(pass.parameters.gradient(context_), {}, dscores, hidden);
  const TensorView dpre = hidden;
  pass.ops.linear_backward_input(dpre, dscores, pass.parameters.value(context_), Accumulate::no);
  pass.ops.activation_backward(dpre, dpre, rows(hidden_pre_, t), Activation::tanh);
  dense_.backward_parameters(pass, dpre, x);
  dense_.backward_input(pass, dx, dpre, Accumulate::yes);
}

}  // namespace bertyard
