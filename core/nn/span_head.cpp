// SPDX-License-Identifier: Apache-2.0
#include "core/nn/span_head.h"

#include "core/base/error.h"

namespace bertyard {

SpanHead::SpanHead(std::int64_t width, const HeadConfig& head, ParameterStore& parameters)
    : width_(width), outputs_(parameters, "qa_outputs", width, 2) {
  BERTYARD_CHECK(head.labels == 2, "span head: it has two labels, start and end");
}

void SpanHead::plan(ArenaPlan& plan, const Capacities& capacities, Mode mode) {
  const DType type = capacities.activations;
  input_ = mode == Mode::training ? plan.add(type, {capacities.tokens, width_}) : ArenaSlot{};
  logits_ = plan.add(type, {capacities.tokens, 2});
}

TensorView SpanHead::logits(const PackedInput& input, const Arena& arena) const {
  return arena.view(logits_).slice(0, input.tokens());
}

// Keeps its input: the encoder's output is overwritten by nobody, but where it lies is not told.
TensorView SpanHead::compute_logits(const Pass& pass, const Arena& arena, ConstTensorView x) const {
  const TensorView y = logits(pass.input, arena);
  if (pass.mode == Mode::training) {
    pass.losses->dropout(arena.view(input_).slice(0, pass.input.tokens()), x, {}, {});
  }
  outputs_.forward(pass, y, x);
  return y;
}

void SpanHead::losses(const Pass& pass, const Arena& arena, const RowResults& results,
                      const TaskWeights& weights) const {
  const TensorView y = logits(pass.input, arena);
  const std::int64_t n = pass.input.sequences();
  const ConstTensorView labels = pass.input.task_labels.reshaped({n, 2});
  const ConstTensorView offsets = pass.input.packing.offsets;
  if (pass.mode == Mode::training) {
    pass.losses->span_cross_entropy_gradient(results.loss, results.correct, y,
                                             {labels, offsets, weights.scale});
  } else {
    pass.losses->span_cross_entropy(results.loss, results.correct, y, labels, offsets);
  }
}

// dw += dlogits^T x;  dx += dlogits W.
void SpanHead::backward(const Pass& pass, const Arena& arena, TensorView dx) const {
  const TensorView dlogits = logits(pass.input, arena);
  outputs_.backward_parameters(pass, dlogits, arena.view(input_).slice(0, pass.input.tokens()));
  outputs_.backward_input(pass, dx, dlogits, Accumulate::yes);
}

}  // namespace bertyard
