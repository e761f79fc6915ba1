// SPDX-License-Identifier: Apache-2.0
#include "core/nn/mlm_head.h"

namespace bertyard {

struct MlmHead::Views {
  TensorView gathered, pre, transformed, normed, logits;
  NormSaved saved;
};

MlmHead::MlmHead(const ModelConfig& config, ParameterStore& parameters)
    : hidden_(config.hidden), vocab_size_(config.vocab_size), activation_(config.activation) {
  bias_ = {parameters.add("cls.predictions.bias", {vocab_size_}, WeightDecay::no), {vocab_size_}};
  norm_ = Norm(parameters, "cls.predictions.transform.LayerNorm", hidden_, config.norm_epsilon);
  transform_ = Linear(parameters, "cls.predictions.transform.dense", hidden_, hidden_);
}

void MlmHead::plan(ArenaPlan& plan, const Capacities& capacities, Mode mode) {
  const Shape rows{capacities.masked, hidden_};
  const DType type = capacities.activations;
  gathered_ = plan.add(type, rows);
  pre_ = mode == Mode::training ? plan.add(type, rows) : ArenaSlot{};
  transformed_ = plan.add(type, rows);
  normed_ = plan.add(type, rows);
  saved_ = NormSlots::plan(plan, type, rows);
  logits_ = plan.add(type, {capacities.masked, vocab_size_});
}

MlmHead::Views MlmHead::views(const Arena& arena, std::int64_t masked) const {
  const auto rows = [&](const ArenaSlot& slot) {
    return slot.shape.rank() == 0 ? TensorView() : arena.view(slot).slice(0, masked);
  };
  return {rows(gathered_), rows(pre_),    rows(transformed_),
          rows(normed_),   rows(logits_), saved_.views(arena, masked)};
}

TensorView MlmHead::logits(const Arena& arena, std::int64_t masked) const {
  return views(arena, masked).logits;
}

void MlmHead::forward_logits(const Pass& pass, const Arena& arena, ConstTensorView x) const {
  const std::int64_t masked = pass.input.masked();
  if (masked == 0) return;
  const Views v = views(arena, masked);
  pass.ops.gather_rows(v.gathered, x, pass.input.masked_rows);
  transform_.forward(pass, v.transformed, v.pre, v.gathered, activation_);
  norm_.forward(pass, v.normed, v.saved, v.transformed, {}, {});
  decoder_.forward(pass, v.logits, v.normed);
}

void MlmHead::forward(const Pass& pass, const Arena& arena, const RowResults& results,
                      ConstTensorView x, ConstTensorView scale) const {
  const std::int64_t masked = pass.input.masked();
  if (masked == 0) return;
  forward_logits(pass, arena, x);
  const Views v = views(arena, masked);
  if (pass.mode == Mode::training) {
    pass.ops.cross_entropy_gradient(results.loss, results.correct, v.logits,
                                    pass.input.masked_labels, scale);
  } else {
    pass.ops.cross_entropy(results.loss, results.correct, v.logits, pass.input.masked_labels);
  }
}

// With dlogits in place of the logits:  dE += dlogits^T n;  dn = dlogits E;  then back through the
// LayerNorm, gelu and Wt to the gathered rows.
void MlmHead::backward(const Pass& pass, const Arena& arena, TensorView dx) const {
  const std::int64_t masked = pass.input.masked();
  if (masked == 0) return;
  const Views v = views(arena, masked);
  decoder_.backward_parameters(pass, v.logits, v.normed);
  const TensorView dnormed = v.normed;
  decoder_.backward_input(pass, dnormed, v.logits, Accumulate::no);
  const TensorView dtransformed = v.transformed;
  norm_.backward(pass, dtransformed, {}, dnormed, v.saved, {});
  pass.ops.activation_backward(dtransformed, dtransformed, v.pre, activation_);
  transform_.backward_parameters(pass, dtransformed, v.gathered);
  const TensorView dgathered = v.gathered;
  transform_.backward_input(pass, dgathered, dtransformed, Accumulate::no);
  pass.ops.scatter_add_rows(dx, dgathered, pass.input.masked_rows);
}

}  // namespace bertyard
