// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>

#include "core/backend/device.h"
#include "core/optim/optimizer.h"
#include "data/samples/masking.h"
#include "data/samples/sample_source.h"
#include "data/tokenizer/vocabulary.h"
#include "launch/config/run_config.h"
#include "launch/run/device_ranks.h"
#include "launch/run/run_data.h"
#include "launch/run/run_device.h"
#include "launch/run/saved_model.h"
#include "parallel/communicator.h"
#include "parallel/gradient_reduction.h"
#include "parallel/shard_plan.h"
#include "parallel/sharded_optimizer.h"
#include "train/device_batch.h"
#include "train/evaluation.h"
#include "train/huggingface/huggingface.h"
#include "train/model_memory.h"
#include "train/pretraining_objective.h"
#include "train/run_plan.h"

namespace bertyard {

// Where among how many ranks a setup is made.
struct RankPlace {
  int rank = 0;
  int ranks = 1;
  int ranks_on_host = 1;  // they share its cores
  int gpu = 0;            // what choose_gpu() said
  // Above zero: nothing is computed, and the device is a GPU of so many bytes that need not be
  // there: what `check` and `plan` say of it is what a run would take.
  std::size_t planned_gpu = 0;
};

// Everything of a pre-training run that is known before it starts: the data is open, the schedule
// is in steps, the memory is planned and not yet taken. `train` runs it, `check` prints it.
class PretrainingSetup {
 public:
  // Throws UsageError for numbers that do not fit together.
  PretrainingSetup(const RunConfig& config, RunData data, const RankPlace& place);

  const RunConfig config;
  const Vocabulary vocabulary;
  const std::unique_ptr<Device> device;
  const std::unique_ptr<SampleSource> train;
  const std::unique_ptr<SampleSource> valid;  // null where nothing is held out
  const RunPlan plan;
  const Masker masker;  // of what stores no masks of its own
  const ModelConfig model;
  const Capacities capacities;  // the largest over the phases
  PretrainingObjective objective;
  const std::optional<ShardPlan> shards;  // where the optimizer's state is dealt out
  Optimizer optimizer;
  DeviceBatch batch;
  ModelMemory memory;
  const std::size_t resident_before;         // bytes of the process before it took any of that
  std::string threads_placed = "not bound";  // what bind_threads() said
  std::string kernel_choices;                // what share_kernel_choices() said
  DeviceRanks device_ranks;

  int ranks() const { return place_.ranks; }
  int ranks_on_host() const { return place_.ranks_on_host; }
  // What is trained on beside the tokens: nothing where it is a language model.
  NextSentence next_sentence() const;
  TokenTargets targets() const;
  ScheduleOptions schedule() const;
  // Joins the optimizer to those of the other ranks, where it is sharded. Once, before the first
  // step, checkpoint or resume. `devices` of this and the next is what device_ranks.joined() gave,
  // or something around it; it must live until the last step or checkpoint.
  void connect(Communicator& devices);
  // As device_ranks makes it, of the objective's gradients.
  std::unique_ptr<GradientReduction> make_reduction(Communicator& devices);
  // Memory of the rank that needs the most.
  MemoryUse memory_use() const;
  BatchStreamOptions stream_options(const PlannedPhase& phase, std::uint64_t start, int rank,
                                    int world) const;
  // Null where the source stores its masks, and for a language model.
  const Masker* masker_for(const SampleSource& source) const;
  // The held-out samples as evaluate() takes them, cut as the phase cuts.
  EvaluationData evaluation_data(const PlannedPhase& phase) const;

 private:
  const ShardPlan* shard_plan() const { return shards ? &*shards : nullptr; }

  const RankPlace place_;
  std::unique_ptr<ShardedOptimizer> exchange_;
};

// Once the memory is taken: the teacher's weights, where there is one. Returns their hash.
std::optional<std::uint64_t> load_teacher(PretrainingSetup& setup);

// Weights of a new run: those of the model to start from, the teacher's, or drawn by the seed. What
// the import of a model left as it was drawn.
ImportReport initialize_weights(PretrainingSetup& setup, const std::optional<SavedModel>& start);

}  // namespace bertyard
