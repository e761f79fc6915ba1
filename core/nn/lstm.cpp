// SPDX-License-Identifier: Apache-2.0
#include "core/nn/lstm.h"

#include "core/base/error.h"

namespace bertyard {

LstmSlots LstmSlots::plan(ArenaPlan& plan, const LstmConfig& config, std::int64_t tokens) {
  LstmSlots slots;
  slots.gates = plan.add(DType::f32, {tokens, 4 * config.cells});
  slots.cell = plan.add(DType::f32, {tokens, config.cells});
  if (config.projected()) slots.memory = plan.add(DType::f32, {tokens, config.cells});
  slots.previous = plan.add(DType::f32, {tokens, config.outputs});
  return slots;
}

LstmSaved LstmSlots::views(const Arena& arena, std::int64_t tokens) const {
  const auto rows = [&](const ArenaSlot& slot) {
    return slot.shape.rank() == 0 ? TensorView() : arena.view(slot).slice(0, tokens);
  };
  return {rows(gates), rows(cell), rows(memory), rows(previous)};
}

Lstm::Lstm(ParameterStore& parameters, const std::string& prefix, const LstmConfig& config,
           WeightDecay decay)
    : config_(config) {
  const std::int64_t gates = 4 * config.cells;
  if (config.projected()) {
    projection_ = parameters.add(prefix + ".weight_hr", {config.outputs, config.cells}, decay);
  }
  recurrent_ = parameters.add(prefix + ".weight_hh", {gates, config.outputs}, decay);
  const ParameterId weight = parameters.add(prefix + ".weight_ih", {gates, config.inputs}, decay);
  const ParameterId bias = parameters.add(prefix + ".bias", {gates}, WeightDecay::no);
  input_ = Linear({weight, {gates, config.inputs}}, {bias, {gates}});
}

LstmCell Lstm::cell(const Pass& pass) const {
  BERTYARD_CHECK(pass.recurrent != nullptr, "an LSTM needs Pass::recurrent");
  LstmCell cell;
  cell.recurrent = pass.parameters.value(recurrent_);
  if (config_.projected()) cell.projection = pass.parameters.value(projection_);
  cell.cell_clip = config_.cell_clip;
  cell.projection_clip = config_.projection_clip;
  return cell;
}

void Lstm::forward(const Pass& pass, const LstmSaved& saved, TensorView y,
                   ConstTensorView x) const {
  const LstmCell cell = this->cell(pass);
  input_.forward(pass, saved.gates, x);
  pass.recurrent->lstm(y, saved, saved.gates, cell, pass.input.packing, config_.direction);
}

void Lstm::backward(const Pass& pass, const LstmSaved& saved, const Gradients& g) const {
  LstmGradients weights;
  weights.recurrent = pass.parameters.gradient(recurrent_);
  if (config_.projected()) weights.projection = pass.parameters.gradient(projection_);
  const TensorView dpre = saved.gates;
  pass.recurrent->lstm_backward(
      dpre, weights, {g.dy, g.y, saved, cell(pass), pass.input.packing, config_.direction});
  input_.backward_parameters(pass, dpre, g.x);
  if (g.dx.present()) input_.backward_input(pass, g.dx, dpre, g.accumulate);
}

}  // namespace bertyard
