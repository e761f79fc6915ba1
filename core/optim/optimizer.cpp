// SPDX-License-Identifier: Apache-2.0
#include "core/optim/optimizer.h"

#include <algorithm>
#include <chrono>
#include <span>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "core/backend/layer_ops.h"
#include "core/base/error.h"

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
    : Optimizer(options, parameters, whole_shard(parameters)) {}

Optimizer::Optimizer(const OptimizerOptions& options, const ParameterStore& parameters,
                     const OptimizerShard& shard)
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
  for (const FlatRange& range : shard) add_piece(range);
}

void Optimizer::add_piece(const FlatRange& range) {
  Piece piece{.range = range, .state_at = state_elements_};
  state_elements_ += range.count;
  const auto chunk = std::lower_bound(
      tables_.chunks.begin(), tables_.chunks.end(), range.first,
      [](const NormChunk& one, std::int64_t offset) { return one.offset < offset; });
  piece.first_chunk = chunk - tables_.chunks.begin();
  std::vector<UpdateSegment> parts;
  for (const UpdateSegment& whole : tables_.segments) {
    UpdateSegment part = whole;
    const std::int64_t first = std::max(whole.offset, range.first);
    part.elements = std::min(whole.offset + whole.elements, range.first + range.count) - first;
    part.offset = first - range.first;
    if (part.elements > 0) parts.push_back(part);
  }
  piece.tables = UpdateTables(std::move(parts));
  pieces_.push_back(std::move(piece));
}

Optimizer::Slots Optimizer::add_slots(ArenaPlan& plan) const {
  Slots slots;
  slots.first_moment = plan.add(DType::f32, {state_elements_});
  if (options_.kind != OptimizerKind::sgd) {
    slots.second_moment = plan.add(DType::f32, {state_elements_});
  }
  slots.scalars = plan.add(DType::f64, {kStepScalarCount});
  slots.sums = plan.add(DType::f64, {static_cast<std::int64_t>(tables_.chunks.size())});
  for (ArenaSlot& slot : slots.squares) {
    slot = plan.add(DType::f64, {static_cast<std::int64_t>(tables_.segments.size())});
  }
  return slots;
}

void Optimizer::plan(ArenaPlan& plan) {
  slots_ = add_slots(plan);
}

std::size_t Optimizer::bytes() const {
  ArenaPlan plan;
  add_slots(plan);
  return plan.bytes();
}

void Optimizer::bind(const Arena& arena, Device& device) {
  device_ = &device;
  plan_ = device.update_ops().make_plan(tables_);
  for (Piece& piece : pieces_) piece.plan = device.update_ops().make_plan(piece.tables);
  first_moment_ = arena.view(slots_.first_moment);
  if (options_.kind != OptimizerKind::sgd) second_moment_ = arena.view(slots_.second_moment);
  scalars_ = arena.view(slots_.scalars);
  sums_ = arena.view(slots_.sums);
  for (int i = 0; i < 2; ++i) squares_[i] = arena.view(slots_.squares[i]);
  for (const TensorView& view : {first_moment_, second_moment_, scalars_}) {
    if (view.elements() > 0) device.set_zero(view, device.compute_stream());
  }
  on_host_ = device.allocate_pinned((1 + kStepScalarCount) * sizeof(double));
  written_ = device.make_event();
  read_ = device.make_event();
  write_scalar(kInverseLossScale, 1.0);
  write_scalar(kLossScale, 1.0);
}

std::span<const double> Optimizer::read_scalars() const {
  const TensorView all(on_host_.data(), DType::f64, {1 + kStepScalarCount});
  const TensorView found = all.slice(1, kStepScalarCount);
  device_->copy(found, scalars_, CopyDirection::device_to_host, device_->compute_stream());
  read_->record(device_->compute_stream());
  read_->synchronize();
  return found.span<double>();
}

void Optimizer::write_scalar(StepScalar scalar, double value) {
  const TensorView written(on_host_.data(), DType::f64, {1});
  written_->synchronize();
  *written.as<double>() = value;
  device_->copy(scalars_.slice(scalar, 1), written, CopyDirection::host_to_device,
                device_->compute_stream());
  written_->record(device_->compute_stream());
}

std::int64_t Optimizer::applied_steps() const {
  return static_cast<std::int64_t>(read_scalars()[kAppliedSteps]);
}

void Optimizer::set_applied_steps(std::int64_t steps) {
  write_scalar(kAppliedSteps, static_cast<double>(steps));
}

std::vector<std::string> Optimizer::array_names() const {
  if (options_.kind == OptimizerKind::sgd) return {"first_moment"};
  return {"first_moment", "second_moment"};
}

// Of a small model one rank's shard may be everything, and the others' nothing: they collect still.
bool Optimizer::holds_everything() const {
  return exchange_ == nullptr && state_elements_ == flat_elements_;
}

TensorView Optimizer::array(std::string_view name) const {
  BERTYARD_CHECK(name == "first_moment" || (name == "second_moment" && second_moment_.present()),
                 fmt::format("optimizer: no array '{}'", name));
  return name == "first_moment" ? first_moment_ : second_moment_;
}

void Optimizer::collect(std::string_view name, TensorView flat) {
  for (const Piece& piece : pieces_) {
    if (piece.range.count == 0) continue;
    device_->copy(flat.slice(piece.range.first, piece.range.count),
                  array(name).slice(piece.state_at, piece.range.count),
                  CopyDirection::device_to_device, device_->compute_stream());
  }
  if (exchange_ == nullptr) return;
  for (std::size_t i = 0; i < pieces_.size(); ++i) exchange_->share(flat, i);
  exchange_->finish();
}

void Optimizer::restore(std::string_view name, ConstTensorView flat) {
  for (const Piece& piece : pieces_) {
    if (piece.range.count == 0) continue;
    device_->copy(array(name).slice(piece.state_at, piece.range.count),
                  flat.slice(piece.range.first, piece.range.count), CopyDirection::device_to_device,
                  device_->compute_stream());
  }
}

UpdateOutcome Optimizer::step(double learning_rate, const ParameterStore& parameters) {
  BERTYARD_CHECK(exchange_ != nullptr || holds_everything(),
                 "optimizer: a part of the state, and no way to the other ranks");
  exchange_seconds_ = 0;
  write_scalar(kLearningRate, learning_rate);
  sum_squares(parameters.gradients());
  device_->update_ops().finish_norm(scalars_, sums_, options_.clip_norm);
  update(parameters);
  device_->layer_ops().weights_changed();
  const std::span<const double> scalars = read_scalars();
  return {scalars[kGradientNorm], scalars[kFinite] != 0.0, exchange_seconds_};
}

template <typename Call>
void Optimizer::exchange(Call call) {
  if (exchange_ == nullptr) return;
  const auto start = std::chrono::steady_clock::now();
  call(*exchange_);
  exchange_seconds_ +=
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void Optimizer::sum_squares(const TensorView& flat) {
  if (exchange_ != nullptr) device_->set_zero(sums_, device_->compute_stream());
  for (const Piece& piece : pieces_) {
    if (piece.plan->chunks() == 0) continue;
    device_->update_ops().sums_of_squares(sums_.slice(piece.first_chunk, piece.plan->chunks()),
                                          flat.slice(piece.range.first, piece.range.count),
                                          *piece.plan);
  }
  exchange([this](ShardExchange& others) { others.add(sums_); });
}

// LAMB needs |p| and |u| of all before it applies any.
void Optimizer::update(const ParameterStore& parameters) {
  const bool lamb = options_.kind == OptimizerKind::lamb;
  if (lamb) {
    for (const Piece& piece : pieces_) lamb_update(piece, parameters);
    const TensorView sources[2] = {parameters.values(), parameters.gradients()};
    for (int i = 0; i < 2; ++i) {
      sum_squares(sources[i]);
      device_->update_ops().add_chunks(squares_[i], sums_, *plan_);
    }
  }
  for (std::size_t i = 0; i < pieces_.size(); ++i) {
    if (lamb) {
      lamb_apply(pieces_[i], parameters);
    } else {
      update_piece(pieces_[i], parameters);
    }
    exchange([&](ShardExchange& others) { others.share(parameters.values(), i); });
  }
  exchange([](ShardExchange& others) { others.finish(); });
}

UpdateTensors Optimizer::tensors(const Piece& piece, const ParameterStore& parameters) const {
  const auto [first, count] = piece.range;
  return {parameters.values().slice(first, count), parameters.gradients().slice(first, count),
          first_moment_.slice(piece.state_at, count),
          second_moment_.present() ? second_moment_.slice(piece.state_at, count) : TensorView()};
}

void Optimizer::update_piece(const Piece& piece, const ParameterStore& parameters) {
  if (piece.plan->segments() == 0) return;
  UpdateOps& ops = device_->update_ops();
  const UpdateTensors all = tensors(piece, parameters);
  const MomentConstants constants{options_.beta1, options_.beta2, options_.epsilon};
  switch (options_.kind) {
    case OptimizerKind::adamw:
      return ops.adamw(all, *piece.plan, constants, scalars_);
    case OptimizerKind::adam:
      return ops.adam(all, *piece.plan, constants, scalars_);
    case OptimizerKind::sgd:
      return ops.sgd(all, *piece.plan, options_.beta1, scalars_);
    case OptimizerKind::lamb:
      return;  // in two halves, below
  }
}

void Optimizer::lamb_update(const Piece& piece, const ParameterStore& parameters) {
  if (piece.plan->segments() == 0) return;
  device_->update_ops().lamb_update(tensors(piece, parameters), *piece.plan,
                                    {options_.beta1, options_.beta2, options_.epsilon}, scalars_);
}

void Optimizer::lamb_apply(const Piece& piece, const ParameterStore& parameters) {
  if (piece.plan->segments() == 0) return;
  const UpdateTensors all = tensors(piece, parameters);
  const std::int64_t known = piece.tables.tensors();
  device_->update_ops().lamb_apply(all.parameters, all.gradients, *piece.plan,
                                   squares_[0].slice(0, known), squares_[1].slice(0, known),
                                   scalars_);
}

}  // namespace bertyard
