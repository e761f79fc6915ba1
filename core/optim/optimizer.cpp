// SPDX-License-Identifier: Apache-2.0
#include "core/optim/optimizer.h"

#include <span>
#include <utility>
#include <vector>

#include "core/backend/layer_ops.h"

namespace bertyard {

std::string_view name_of(OptimizerKind kind) {
  switch (kind) {
    case OptimizerKind::adamw:
      return "adamw";
    case OptimizerKind::adam:
      return "adam";
    case OptimizerKind::lamb:
      return "lamb";
    case OptimizerKind::sgd:
      return "sgd";
  }
  return "?";
}

Optimizer::Optimizer(const OptimizerOptions& options, const ParameterStore& parameters)
    : options_(options), flat_elements_(parameters.flat_elements()) {
  std::vector<UpdateSegment> segments;
  for (const ParameterInfo& info : parameters.infos()) {
    const bool decays = info.decay == WeightDecay::yes;
    segments.push_back({.offset = info.offset,
                        .elements = info.shape.elements(),
                        .weight_decay = decays ? static_cast<float>(options.weight_decay) : 0.0f,
                        .tensor = static_cast<std::int32_t>(segments.size())});
  }
  tables_ = UpdateTables(std::move(segments));
}

void Optimizer::plan(ArenaPlan& plan) {
  first_moment_slot_ = plan.add(DType::f32, {flat_elements_});
  if (options_.kind != OptimizerKind::sgd) {
    second_moment_slot_ = plan.add(DType::f32, {flat_elements_});
  }
  scalars_slot_ = plan.add(DType::f64, {kStepScalarCount});
  sums_slot_ = plan.add(DType::f64, {static_cast<std::int64_t>(tables_.chunks.size())});
  for (ArenaSlot& slot : squares_slot_) {
    slot = plan.add(DType::f64, {static_cast<std::int64_t>(tables_.segments.size())});
  }
}

void Optimizer::bind(const Arena& arena, Device& device) {
  device_ = &device;
  plan_ = device.update_ops().make_plan(tables_);
  first_moment_ = arena.view(first_moment_slot_);
  if (options_.kind != OptimizerKind::sgd) second_moment_ = arena.view(second_moment_slot_);
  scalars_ = arena.view(scalars_slot_);
  sums_ = arena.view(sums_slot_);
  for (int i = 0; i < 2; ++i) squares_[i] = arena.view(squares_slot_[i]);
  for (const TensorView& view : {first_moment_, second_moment_, scalars_}) {
    if (view.present()) device.set_zero(view, device.compute_stream());
  }
  write_scalar(kInverseLossScale, 1.0);
  write_scalar(kLossScale, 1.0);
}

double Optimizer::read_scalar(StepScalar scalar) const {
  double value = 0;
  device_->copy(view_of(std::span(&value, 1)), scalars_.slice(scalar, 1),
                CopyDirection::device_to_host, device_->compute_stream());
  device_->synchronize();
  return value;
}

void Optimizer::write_scalar(StepScalar scalar, double value) {
  device_->copy(scalars_.slice(scalar, 1), view_of(std::span(&value, 1)),
                CopyDirection::host_to_device, device_->compute_stream());
  device_->synchronize();
}

std::int64_t Optimizer::applied_steps() const {
  return static_cast<std::int64_t>(read_scalar(kAppliedSteps));
}

void Optimizer::set_applied_steps(std::int64_t steps) {
  write_scalar(kAppliedSteps, static_cast<double>(steps));
}

std::vector<MomentArray> Optimizer::arrays() const {
  std::vector<MomentArray> arrays{{"first_moment", first_moment_}};
  if (second_moment_.present()) arrays.push_back({"second_moment", second_moment_});
  return arrays;
}

UpdateOutcome Optimizer::step(double learning_rate, const ParameterStore& parameters) {
  write_scalar(kLearningRate, learning_rate);
  UpdateOps& ops = device_->update_ops();
  ops.sums_of_squares(sums_, parameters.gradients(), *plan_);
  ops.finish_norm(scalars_, sums_, options_.clip_norm);
  update({parameters.values(), parameters.gradients(), first_moment_, second_moment_});
  device_->layer_ops().weights_changed();
  return {read_scalar(kGradientNorm), read_scalar(kFinite) != 0.0};
}

void Optimizer::update(const UpdateTensors& tensors) {
  UpdateOps& ops = device_->update_ops();
  const MomentConstants constants{options_.beta1, options_.beta2, options_.epsilon};
  switch (options_.kind) {
    case OptimizerKind::adamw:
      return ops.adamw(tensors, *plan_, constants, scalars_);
    case OptimizerKind::adam:
      return ops.adam(tensors, *plan_, constants, scalars_);
    case OptimizerKind::sgd:
      return ops.sgd(tensors, *plan_, options_.beta1, scalars_);
    case OptimizerKind::lamb:
      return lamb(tensors);
  }
}

void Optimizer::lamb(const UpdateTensors& tensors) {
  UpdateOps& ops = device_->update_ops();
  ops.lamb_update(tensors, *plan_, {options_.beta1, options_.beta2, options_.epsilon}, scalars_);
  const TensorView sources[2] = {tensors.parameters, tensors.gradients};
  for (int i = 0; i < 2; ++i) {
    ops.sums_of_squares(sums_, sources[i], *plan_);
    ops.add_chunks(squares_[i], sums_, *plan_);
  }
  ops.lamb_apply(tensors.parameters, tensors.gradients, *plan_, squares_[0], squares_[1], scalars_);
}

}  // namespace bertyard
