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
#include "train/checkpoint/background_saver.h"
#include "train/checkpoint/checkpoint.h"
#include "train/journal/loss_log.h"
#include "train/trainer.h"

namespace bertyard {

// The latest evaluation: a checkpoint may come some steps after it.
struct HeldOut {
  double loss = 0;
  std::int64_t step = 0;
};

// A run at one step, copied: training goes on while it is written.
struct CheckpointSnapshot {
  CheckpointState state;
  std::vector<std::string> names;          // of the optimizer's arrays
  std::vector<std::vector<float>> arrays;  // theirs, [flat_elements()] each
  std::vector<float> weights;
};

// Between a running training and its checkpoints: gathers weights, optimizer state and position
// into one, and puts them back. Borrows the tensors; rank 0 saves, every rank restores.
class RunCheckpoints {
 public:
  struct Setting {
    ModelConfig model;
    std::string vocabulary;  // the text of vocab.txt
    TokenizerOptions tokenizer;
    CheckpointOptions options;
    std::optional<HeadDescription> head = std::nullopt;  // of a downstream task
    CheckpointState identity;  // run id, configuration and environment; the rest is filled in
  };
  RunCheckpoints(Setting setting, Device& device, const ParameterStore& parameters,
                 Optimizer& optimizer);

  // Copies everything to host memory, into `snapshot`, whose memory is used again. State that lies
  // on several ranks comes by way of the gradients' memory, which nobody needs between two steps;
  // the other ranks assist then.
  void take(CheckpointSnapshot& snapshot, const TrainState& state, std::size_t phase,
            const LossLog& loss_log, const std::optional<HeldOut>& held_out) const;
  // The other ranks' part of take(): gives what they hold of the optimizer's state, and has given
  // it when the call returns.
  void assist() const;
  // Writes checkpoints/step-... below `directory`, verified, and deletes what need not be kept;
  // that this did not work is the warning. May run in a thread of its own: it looks at nothing that
  // training changes.
  BackgroundSaver::Written write(const std::filesystem::path& directory,
                                 const CheckpointSnapshot& snapshot, const FileCalls& calls) const;

  // Weights, optimizer state and position. Throws DataError where `checkpoint` is of a run with
  // other settings; returns, for a warning, what of the environment differs.
  struct Restored {
    TrainState state;
    std::vector<std::string> environment_differences;
  };
  Restored restore(const Checkpoint& checkpoint);

 private:
  // An array of the optimizer's state in memory of the device, with the parts of all ranks.
  TensorView whole_array(const std::string& name) const;
  void copy_to_host(const TensorView& view, std::vector<float>& copy) const;

  Setting setting_;
  Device& device_;
  const ParameterStore& parameters_;
  Optimizer& optimizer_;
};

}  // namespace bertyard
