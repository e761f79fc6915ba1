// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/backend/device.h"
#include "core/nn/model_config.h"
#include "core/nn/parameters.h"
#include "core/optim/optimizer.h"
#include "train/checkpoint.h"
#include "train/loss_log.h"
#include "train/trainer.h"

namespace bertyard {

// Between a running training and its checkpoints: gathers weights, optimizer state and position
// into one, and puts them back. Borrows the tensors; rank 0 saves, every rank restores.
class RunCheckpoints {
 public:
  struct Setting {
    ModelConfig model;
    std::string vocabulary;  // the text of vocab.txt
    TokenizerOptions tokenizer;
    CheckpointOptions options;
    CheckpointState identity;  // run id, configuration and environment; the rest is filled in
  };
  RunCheckpoints(Setting setting, Device& device, const ParameterStore& parameters,
                 Optimizer& optimizer);

  // Writes checkpoints/step-... below `directory`, verified, and deletes what need not be kept.
  std::filesystem::path save(const std::filesystem::path& directory, const TrainState& state,
                             std::size_t phase, const LossLog& loss_log,
                             std::optional<double> held_out_loss);

  // Weights, optimizer state and position. Throws DataError where `checkpoint` is of a run with
  // other settings; returns, for a warning, what of the environment differs.
  struct Restored {
    TrainState state;
    std::vector<std::string> environment_differences;
  };
  Restored restore(const Checkpoint& checkpoint);

 private:
  // Host memory with the values of `view`: the view itself where the device is the host.
  ConstTensorView on_host(const TensorView& view, std::vector<float>& copy) const;

  Setting setting_;
  Device& device_;
  const ParameterStore& parameters_;
  Optimizer& optimizer_;
};

}  // namespace bertyard
