// SPDX-License-Identifier: Apache-2.0
#include "train/run_checkpoints.h"

#include <span>
#include <utility>

#include <fmt/format.h>

#include "core/backend/layer_ops.h"
#include "core/base/error.h"
#include "train/checkpoint/checkpoint_store.h"

namespace bertyard {

RunCheckpoints::RunCheckpoints(Setting setting, Device& device, const ParameterStore& parameters,
                               Optimizer& optimizer)
    : setting_(std::move(setting)),
      device_(device),
      parameters_(parameters),
      optimizer_(optimizer) {}

void RunCheckpoints::copy_to_host(const TensorView& view, std::vector<float>& copy) const {
  copy.resize(static_cast<std::size_t>(view.elements()));
  device_.copy(view_of(std::span(copy)), view, CopyDirection::device_to_host,
               device_.compute_stream());
}

void RunCheckpoints::take(CheckpointSnapshot& snapshot, const TrainState& state, std::size_t phase,
                          const LossLog& loss_log, const std::optional<HeldOut>& held_out) const {
  CheckpointState& full = snapshot.state;
  full = setting_.identity;
  full.step = state.step;
  full.applied_steps = optimizer_.applied_steps();
  full.data_position = state.data_position;
  full.tokens = state.tokens;
  full.phase = static_cast<std::int64_t>(phase);
  full.run_seconds = state.seconds;
  full.last_losses = state.last_losses;
  full.loss_log_bytes = loss_log.bytes();
  full.loss_log_hash = loss_log.digest();
  if (held_out) full.held_out_loss = held_out->loss;
  full.held_out_step = held_out ? held_out->step : 0;

  snapshot.names = optimizer_.array_names();
  snapshot.arrays.resize(snapshot.names.size());
  for (std::size_t i = 0; i < snapshot.names.size(); ++i) {
    copy_to_host(whole_array(snapshot.names[i]), snapshot.arrays[i]);
    device_.synchronize();  // the next array may take the same place
  }
  copy_to_host(parameters_.values(), snapshot.weights);
  device_.synchronize();
}

TensorView RunCheckpoints::whole_array(const std::string& name) const {
  if (optimizer_.holds_everything()) return optimizer_.array(name);
  optimizer_.collect(name, parameters_.gradients());
  return parameters_.gradients();
}

void RunCheckpoints::assist() const {
  if (optimizer_.holds_everything()) return;
  for (const std::string& name : optimizer_.array_names()) whole_array(name);
  device_.synchronize();  // else this rank may leave while rank 0 still waits for its part
}

BackgroundSaver::Written RunCheckpoints::write(const std::filesystem::path& directory,
                                               const CheckpointSnapshot& snapshot,
                                               const FileCalls& calls) const {
  std::vector<OptimizerArray> moments;
  for (std::size_t i = 0; i < snapshot.arrays.size(); ++i) {
    moments.push_back({snapshot.names[i], view_of(std::span<const float>(snapshot.arrays[i]))});
  }
  const CheckpointContents contents{.state = snapshot.state,
                                    .model = setting_.model,
                                    .parameters = parameters_,
                                    .weights = view_of(std::span<const float>(snapshot.weights)),
                                    .optimizer = moments,
                                    .vocabulary = setting_.vocabulary,
                                    .tokenizer = setting_.tokenizer,
                                    .head = setting_.head ? &*setting_.head : nullptr};
  BackgroundSaver::Written written{save_checkpoint(directory, contents, calls), {}};
  try {
    rotate_checkpoints(directory, setting_.options, calls);
  } catch (const IoError& error) {
    written.warning = fmt::format(
        "the checkpoint of step {} is saved, but older ones are not all "
        "deleted: {}",
        snapshot.state.step, error.what());
  }
  return written;
}

RunCheckpoints::Restored RunCheckpoints::restore(const Checkpoint& checkpoint) {
  const CheckpointState& found = checkpoint.state();
  require_same_run(setting_.identity, found, checkpoint.path().string());
  const auto fill = [this](const TensorView& to, const auto& read) {
    if (device_.info().kind == DeviceKind::cpu) return read(to);
    std::vector<float> values(static_cast<std::size_t>(to.elements()));
    read(view_of(std::span(values)));
    device_.copy(to, view_of(std::span<const float>(values)), CopyDirection::host_to_device,
                 device_.compute_stream());
    device_.synchronize();
  };
  fill(parameters_.values(), [&](TensorView flat) { checkpoint.read_weights(parameters_, flat); });
  for (const std::string& name : optimizer_.array_names()) {
    const bool here = optimizer_.holds_everything();
    const TensorView flat = here ? optimizer_.array(name) : parameters_.gradients();
    fill(flat, [&](TensorView to) { checkpoint.read_optimizer(name, parameters_, to); });
    if (!here) optimizer_.restore(name, flat);
  }
  device_.layer_ops().weights_changed();
  optimizer_.set_applied_steps(found.applied_steps);

  Restored restored;
  restored.state = {found.step, found.data_position, found.tokens, found.run_seconds,
                    found.last_losses};
  for (const auto& [name, value] : setting_.identity.environment) {
    const auto before = found.environment.find(name);
    if (before != found.environment.end() && before->second != value) {
      restored.environment_differences.push_back(
          fmt::format("{} was {}, is {}", name, before->second, value));
    }
  }
  return restored;
}

}  // namespace bertyard
