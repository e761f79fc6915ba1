// SPDX-License-Identifier: Apache-2.0
#include "core/nn/lstm.h"

#include <algorithm>
#include <cmath>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "core/base/philox.h"

namespace bertyard {

Lstm::Lstm(ParameterStore& parameters, const std::string& prefix, const LstmConfig& config)
    : config_(config) {
  const std::int64_t gates = 4 * config.cells;
  if (config.projected()) {
    projection_ =
        parameters.add(prefix + ".weight_hr", {config.outputs, config.cells}, WeightDecay::yes);
  }
  recurrent_ = parameters.add(prefix + ".weight_hh", {gates, config.outputs}, WeightDecay::yes);
  const ParameterId weight =
      parameters.add(prefix + ".weight_ih", {gates, config.inputs}, WeightDecay::yes);
  bias_id_ = parameters.add(prefix + ".bias", {gates}, WeightDecay::no);
  input_ = Linear({weight, {gates, config.inputs}}, {bias_id_, {gates}});
}

void Lstm::plan(ArenaPlan& plan, const Capacities& capacities) {
  const std::int64_t tokens = capacities.tokens;
  gates_ = plan.add(DType::f32, {tokens, 4 * config_.cells});
  cells_ = plan.add(DType::f32, {tokens, config_.cells});
  if (config_.projected()) memory_ = plan.add(DType::f32, {tokens, config_.cells});
  previous_ = plan.add(DType::f32, {tokens, config_.outputs});
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

LstmSaved Lstm::saved(const Arena& arena, std::int64_t tokens) const {
  const auto rows = [&](const ArenaSlot& slot) { return arena.view(slot).slice(0, tokens); };
  return {rows(gates_), rows(cells_), config_.projected() ? rows(memory_) : TensorView(),
          rows(previous_)};
}

void Lstm::forward(const Pass& pass, const Arena& arena, TensorView y, ConstTensorView x) const {
  const LstmSaved s = saved(arena, x.rows());
  input_.forward(pass, s.gates, x);
  pass.recurrent->lstm(y, s, s.gates, cell(pass), pass.input.packing, config_.direction);
}

// dWx += dpre^T x;  db += sum of the rows of dpre;  dx = dpre Wx
void Lstm::backward(const Pass& pass, const Arena& arena, const Gradients& g) const {
  const LstmSaved s = saved(arena, g.x.rows());
  const TensorView dpre = s.gates;
  LstmGradients weights;
  weights.recurrent = pass.parameters.gradient(recurrent_);
  if (config_.projected()) weights.projection = pass.parameters.gradient(projection_);
  pass.recurrent->lstm_backward(dpre, weights,
                                {g.dy, g.y, s, cell(pass), pass.input.packing, config_.direction});
  input_.backward_parameters(pass, dpre, g.x);
  if (g.dx.present()) input_.backward_input(pass, g.dx, dpre, g.accumulate);
}

void initialize_lstms(ParameterStore& parameters, std::uint64_t seed) {
  for (int i = 0; i < parameters.size(); ++i) {
    const ParameterInfo& info = parameters.info({i});
    const std::string::size_type end = info.name.rfind('.');
    const std::string prefix = info.name.substr(0, end);
    const auto recurrent = parameters.find(prefix + ".weight_hh");
    if (!recurrent) continue;
    const std::int64_t cells = parameters.info(*recurrent).shape[0] / 4;
    const double bound = 1 / std::sqrt(static_cast<double>(cells));
    PhiloxSequence draws(seed, RandomPurpose::initialization, 0, xxh3(info.name));
    const std::span<float> values = parameters.value(ParameterId{i}).span<float>();
    for (float& value : values) value = static_cast<float>((2 * draws.next_unit() - 1) * bound);
    if (info.name.ends_with(".bias")) {
      std::ranges::fill(
          values.subspan(static_cast<std::size_t>(cells), static_cast<std::size_t>(cells)), 1.0f);
    }
  }
}

}  // namespace bertyard
