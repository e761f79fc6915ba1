// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/nn/model_config.h"
#include "core/nn/parameters.h"
#include "data/files/file_calls.h"
#include "data/options.h"
#include "train/files/safetensors.h"
#include "train/huggingface/huggingface.h"

namespace bertyard {

// Everything of a run's state that is no tensor. Stands in manifest.json.
struct CheckpointState {
  std::string run_id;
  std::int64_t step = 0;             // attempted
  std::int64_t applied_steps = 0;    // attempted less skipped
  std::uint64_t data_position = 0;   // samples taken since the run's start
  std::int64_t tokens = 0;           // trained on since the run's start
  std::int64_t phase = 0;            // index into the schedule
  double run_seconds = 0;            // trained so far, over all starts
  std::vector<double> last_losses;   // of the rule for spikes, where there is one
  double loss_scale = 1;             // dynamic loss scaling; 1 elsewhere
  std::int64_t good_steps = 0;       // since the loss scale last changed
  std::uint64_t loss_log_bytes = 0;  // where loss.log is cut back to
  std::uint64_t loss_log_hash = 0;   // XXH3 of those bytes
  std::optional<double> held_out_loss;
  std::int64_t held_out_step = 0;                  // it was measured after; 0: not known
  std::string resolved_config;                     // YAML, for people and for `config`
  std::map<std::string, std::string> settings;     // key -> value of all that must not change
  std::map<std::string, std::string> environment;  // design, 4.5: threads, libraries, kernels
  bool operator==(const CheckpointState&) const = default;
};

// One flat buffer of optimizer state: "m", "v"; f32 [parameters.flat_elements()], host memory.
struct OptimizerArray {
  std::string name;
  ConstTensorView values;
};

// What a checkpoint is made of: views of the trainer's host memory.
struct CheckpointContents {
  const CheckpointState& state;
  const ModelConfig& model;
  const ParameterStore& parameters;  // names and places; its bound memory is not looked at
  ConstTensorView weights;           // f32 [flat_elements()]: the master weights
  std::vector<OptimizerArray> optimizer;
  std::string_view vocabulary;  // the text of vocab.txt
  TokenizerOptions tokenizer;
  const HeadDescription* head = nullptr;  // of a downstream task; null: pre-training
};

// A checkpoint read back. Owns the mapped files, all verified against the manifest. Independent of
// the number of ranks and of the order of the tensors in memory.
class Checkpoint {
 public:
  // Reads and hashes every file. DataError names the file that is missing, damaged or of another
  // format version, IoError the one that the storage does not give: it may be good all the same.
  static Checkpoint read(const std::filesystem::path& directory,
                         const FileCalls& calls = FileCalls());
  // The same, asked three times in a second before it gives up: network storage may stutter.
  static Checkpoint read_patiently(const std::filesystem::path& directory,
                                   const FileCalls& calls = FileCalls());

  const std::filesystem::path& path() const { return path_; }
  const CheckpointState& state() const { return state_; }
  const ModelConfig& model() const { return model_; }
  const std::string& vocabulary() const { return vocabulary_; }
  std::vector<std::string> optimizer_names() const;

  // Fill flat f32 buffers of parameters.flat_elements(); the gaps are left as they are. DataError
  // where a tensor of `parameters` is missing, has another shape, or one is left over.
  void read_weights(const ParameterStore& parameters, TensorView flat) const;
  void read_optimizer(std::string_view name, const ParameterStore& parameters,
                      TensorView flat) const;

 private:
  Checkpoint(std::filesystem::path path, CheckpointState state);

  std::filesystem::path path_;
  CheckpointState state_;
  ModelConfig model_;
  std::string vocabulary_;
  SafetensorsFile weights_;
  SafetensorsFile optimizer_;
};

// Writes checkpoints/step-00012000 under a temporary name, syncs, renames it, reads it back and
// lets `latest` point to it. Returns its path. IoError (a full disk, say) leaves what was there
// before.
std::filesystem::path save_checkpoint(const std::filesystem::path& checkpoints,
                                      const CheckpointContents& contents,
                                      const FileCalls& calls = FileCalls());

// Throws DataError unless a run with `expected` may go on from `found`: the same run id and the
// same settings. The message names every setting that differs. An empty expected.run_id matches any
// run.
void require_same_run(const CheckpointState& expected, const CheckpointState& found,
                      const std::string& where);

}  // namespace bertyard
