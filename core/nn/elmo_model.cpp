// SPDX-License-Identifier: Apache-2.0
#include "core/nn/elmo_model.h"

#include <algorithm>

namespace bertyard {

ElmoModel::ElmoModel(const ModelConfig& config, ParameterStore& parameters)
    : config_(config),
      bias_(parameters.add("elmo.softmax.bias", {config.vocab_size}, WeightDecay::no)),
      bias_end_(parameters.flat_elements()),
      layers_(config, parameters, ElmoUse::language_model) {}

void ElmoModel::plan(ArenaPlan& plan, const Capacities& capacities, Mode mode) {
  layers_.plan(plan, capacities, mode);
  const std::int64_t rows = std::min(capacities.masked, PretrainingModel::kLogitRows);
  gathered_ = plan.add(DType::f32, {rows, config_.hidden});
  logits_ = plan.add(DType::f32, {rows, config_.vocab_size});
  row_loss_ = plan.add(DType::f32, {rows});
  row_correct_ = plan.add(DType::f32, {rows});
}

void ElmoModel::forward(const Pass& pass, const Arena& arena, Device& device,
                        const PretrainingSums& sums, const PretrainingScales& scales) const {
  layers_.forward(pass, arena);
  if (pass.mode == Mode::training) {
    device.set_zero(layers_.output_gradient(arena, pass.input.tokens()), device.compute_stream());
  }
  const std::int64_t rows = pass.input.masked();
  for (std::int64_t first = 0; first < rows; first += PretrainingModel::kLogitRows) {
    const std::int64_t count = std::min(PretrainingModel::kLogitRows, rows - first);
    PackedInput input = pass.input;
    input.masked_rows = pass.input.masked_rows.slice(first, count);
    input.masked_labels = pass.input.masked_labels.slice(first, count);
    predict({pass.ops, pass.parameters, input, pass.mode}, arena, sums, scales.mlm);
  }
}

// logits = h[rows] E^T + b;  with dlogits in their place:  dE += dlogits^T h[rows];  db += the sum
// of its rows;  dh[rows] += dlogits E
void ElmoModel::predict(const Pass& pass, const Arena& arena, const PretrainingSums& sums,
                        ConstTensorView scale) const {
  const PackedInput& input = pass.input;
  const std::int64_t rows = input.masked(), tokens = input.tokens();
  const auto view = [&](const ArenaSlot& slot) { return arena.view(slot).slice(0, rows); };
  const Shape by_direction{2 * tokens, config_.hidden};
  const TensorView gathered = view(gathered_), logits = view(logits_);
  const TensorView loss = view(row_loss_), correct = view(row_correct_);
  const ConstTensorView words = pass.parameters.value(layers_.words());
  const ConstTensorView last = layers_.layer(arena, config_.layers, tokens);
  pass.ops.gather_rows(gathered, last.reshaped(by_direction), input.masked_rows);
  pass.ops.linear(logits, {}, {.x = gathered, .w = words, .bias = pass.parameters.value(bias_)});
  if (pass.mode == Mode::training) {
    pass.ops.cross_entropy_gradient(loss, correct, logits, input.masked_labels, scale);
  } else {
    pass.ops.cross_entropy(loss, correct, logits, input.masked_labels);
  }
  pass.ops.add_sum(sums.mlm_loss, loss);
  pass.ops.add_sum(sums.mlm_correct, correct);
  if (pass.mode == Mode::evaluation) return;
  pass.ops.linear_backward_weight(pass.parameters.gradient(layers_.words()),
                                  pass.parameters.gradient(bias_), logits, gathered);
  const TensorView dgathered = gathered;
  pass.ops.linear_backward_input(dgathered, logits, words, Accumulate::no);
  const TensorView dlast = layers_.output_gradient(arena, tokens);
  pass.ops.scatter_add_rows(dlast.reshaped(by_direction), dgathered, input.masked_rows);
}

void ElmoModel::backward(const Pass& pass, const Arena& arena, const GradientsReady& ready) const {
  if (ready) ready(bias_end_);
  layers_.backward(pass, arena, ready);
}

}  // namespace bertyard
