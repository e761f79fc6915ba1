// SPDX-License-Identifier: Apache-2.0
#include "core/nn/encoder_layer.h"

#include <algorithm>
#include <string>
#include <vector>

namespace bertyard {
namespace {

Linear fused_qkv(const ModelConfig& config, ParameterStore& parameters, const std::string& prefix) {
  const std::int64_t h = config.hidden;
  std::vector<ParameterInfo> weights;
  std::vector<ParameterInfo> biases;
  for (const char* name : {"query", "key", "value"}) {
    weights.push_back({prefix + name + ".weight", {h, h}, WeightDecay::yes, 0});
    biases.push_back({prefix + name + ".bias", {h}, WeightDecay::no, 0});
  }
  const FusedParameter weight = parameters.add_fused(weights);
  return {weight, parameters.add_fused(biases)};
}

}  // namespace

EncoderLayerSlots EncoderLayerSlots::plan(ArenaPlan& plan, const ModelConfig& config,
                                          const Capacities& capacities) {
  const std::int64_t t = capacities.tokens;
  const DType type = capacities.activations;
  EncoderLayerSlots slots;
  slots.qkv = plan.add(type, {t, 3 * config.hidden});
  slots.log_sum = plan.add(DType::f32, {t, config.heads});
  slots.context = plan.add(type, {t, config.hidden});
  slots.attention_norm = NormSlots::plan(plan, type, {t, config.hidden});
  slots.attended = plan.add(type, {t, config.hidden});
  slots.pre = plan.add(type, {t, config.intermediate});
  slots.inner = plan.add(type, {t, config.intermediate});
  slots.output_norm = NormSlots::plan(plan, type, {t, config.hidden});
  return slots;
}

EncoderScratchSlots EncoderScratchSlots::plan(ArenaPlan& plan, const ModelConfig& config,
                                              const Capacities& capacities) {
  const std::int64_t t = capacities.tokens;
  const DType type = capacities.activations;
  EncoderScratchSlots slots;
  slots.branch = plan.add(type, {t, config.hidden});
  slots.residual = plan.add(type, {t, config.hidden});
  slots.wide = plan.add(type, {t, std::max(config.intermediate, 3 * config.hidden)});
  return slots;
}

struct EncoderLayer::Views {
  TensorView qkv, log_sum, context, attended, pre, inner;
  NormSaved attention_norm, output_norm;
  TensorView branch, residual, wide_inner, wide_qkv;
};

EncoderLayer::Views EncoderLayer::views(const Memory& memory, std::int64_t tokens) const {
  const auto rows = [&](const ArenaSlot& slot) { return memory.arena.view(slot).slice(0, tokens); };
  const auto narrow = [&](std::int64_t columns) {
    const TensorView wide = memory.arena.view(memory.scratch.wide);
    return TensorView(wide.data(), wide.dtype(), {tokens, columns});
  };
  const EncoderLayerSlots& saved = memory.saved;
  return {rows(saved.qkv),
          rows(saved.log_sum),
          rows(saved.context),
          rows(saved.attended),
          rows(saved.pre),
          rows(saved.inner),
          saved.attention_norm.views(memory.arena, tokens),
          saved.output_norm.views(memory.arena, tokens),
          rows(memory.scratch.branch),
          rows(memory.scratch.residual),
          narrow(config_.intermediate),
          narrow(3 * config_.hidden)};
}

EncoderLayer::EncoderLayer(const ModelConfig& config, ParameterStore& parameters,
                           std::int64_t index)
    : config_(config), index_(index) {
  const std::string prefix = "bert.encoder.layer." + std::to_string(index) + ".";
  const std::int64_t h = config.hidden;
  output_norm_ = Norm(parameters, prefix + "output.LayerNorm", h, config.norm_epsilon);
  output_ = Linear(parameters, prefix + "output.dense", config.intermediate, h);
  intermediate_ = Linear(parameters, prefix + "intermediate.dense", h, config.intermediate);
  attention_norm_ = Norm(parameters, prefix + "attention.output.LayerNorm", h, config.norm_epsilon);
  attention_output_ = Linear(parameters, prefix + "attention.output.dense", h, h);
  qkv_ = fused_qkv(config, parameters, prefix + "attention.self.");
}

PackedSequences EncoderLayer::packing(const Pass& pass) const {
  PackedSequences packing = pass.input.packing;
  packing.causal = config_.is_causal();
  return packing;
}

void EncoderLayer::forward(const Pass& pass, const Memory& memory, TensorView y,
                           ConstTensorView x) const {
  const Views v = views(memory, x.rows());
  qkv_.forward(pass, v.qkv, x);
  attention_forward(pass, v, memory.scores);
  attention_output_.forward(pass, v.branch, v.context);
  attention_norm_.forward(pass, v.attended, v.attention_norm, v.branch, x,
                          pass.dropout(config_.dropout, index_, DropoutSite::attention_output));

  const TensorView pre = pass.mode == Mode::training ? v.pre : TensorView();
  intermediate_.forward(pass, v.inner, pre, v.attended, config_.activation);
  output_.forward(pass, v.branch, v.inner);
  output_norm_.forward(pass, y, v.output_norm, v.branch, v.attended,
                       pass.dropout(config_.dropout, index_, DropoutSite::feed_forward_output));
}

void EncoderLayer::attention_forward(const Pass& pass, const Views& v, TensorView scores) const {
  const Dropout dropout =
      pass.dropout(config_.attention_dropout, index_, DropoutSite::attention_probability);
  if (scores.present()) {
    pass.ops.attention_with_scores(v.context, v.log_sum, scores, v.qkv, config_.heads,
                                   packing(pass), dropout);
  } else {
    pass.ops.attention(v.context, v.log_sum, v.qkv, config_.heads, packing(pass), dropout);
  }
}

// With z = dropout(branch) + residual:  dresidual = dz, dbranch = dropout'(dz). A residual's
// gradient gathers what comes back through the branch: dattended = dz + W1^T gelu'(W2^T dbranch).
void EncoderLayer::backward(const Pass& pass, const Memory& memory, TensorView dx,
                            ConstTensorView dy, ConstTensorView x) const {
  const Views v = views(memory, x.rows());
  const TensorView dattended = v.residual;
  output_norm_.backward(pass, v.branch, dattended, dy, v.output_norm,
                        pass.dropout(config_.dropout, index_, DropoutSite::feed_forward_output));
  output_.backward_parameters(pass, v.branch, v.inner);
  output_.backward_input(pass, v.wide_inner, v.branch, config_.activation, v.pre);
  intermediate_.backward_parameters(pass, v.wide_inner, v.attended);
  intermediate_.backward_input(pass, dattended, v.wide_inner, Accumulate::yes);
  attention_backward(pass, v, dx, x, memory.scores);
}

// The same for z = dropout(Wo attention(Wqkv x)) + x, with dattended in v.residual.
void EncoderLayer::attention_backward(const Pass& pass, const Views& v, TensorView dx,
                                      ConstTensorView x, ConstTensorView dscores) const {
  attention_norm_.backward(pass, v.branch, dx, v.residual, v.attention_norm,
                           pass.dropout(config_.dropout, index_, DropoutSite::attention_output));
  attention_output_.backward_parameters(pass, v.branch, v.context);
  const TensorView dcontext = v.residual;
  attention_output_.backward_input(pass, dcontext, v.branch, Accumulate::no);
  const LayerOps::AttentionBackward input{
      .dy = dcontext,
      .y = v.context,
      .log_sum = v.log_sum,
      .qkv = v.qkv,
      .heads = config_.heads,
      .packing = packing(pass),
      .dropout =
          pass.dropout(config_.attention_dropout, index_, DropoutSite::attention_probability)};
  if (dscores.present()) {
    pass.ops.attention_with_scores_backward(v.wide_qkv, dscores, input);
  } else {
    pass.ops.attention_backward(v.wide_qkv, input);
  }
  qkv_.backward_parameters(pass, v.wide_qkv, x);
  qkv_.backward_input(pass, dx, v.wide_qkv, Accumulate::yes);
}

}  // namespace bertyard
