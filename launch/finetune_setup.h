// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/backend/device.h"
#include "core/optim/optimizer.h"
#include "data/batch_stream.h"
#include "launch/device_ranks.h"
#include "launch/finetune_data.h"
#include "launch/run_config.h"
#include "launch/run_device.h"
#include "launch/setting_differences.h"
#include "train/device_batch.h"
#include "train/huggingface.h"
#include "train/model_memory.h"
#include "train/run_plan.h"
#include "train/task_objective.h"

namespace bertyard {

// One combination of a fine-tuning grid: a run of its own.
struct FinetuneCell {
  double learning_rate = 0;
  std::int64_t batch = 0;
  double epochs = 0;
  std::int64_t seed = 0;
  // "lr-5e-05_batch-32_epochs-3_seed-42": name of its run directory.
  std::string name() const;
};
// A value of the grid as it stands in that name: two that read alike are one training.
std::string grid_value_text(double value);
std::string grid_value_text(std::int64_t value);
std::vector<FinetuneCell> finetune_cells(const FinetuneSection& section);

// The configuration as it would be of this cell alone.
RunConfig cell_config(const RunConfig& config, const FinetuneCell& cell, const FinetuneData& data);
// What decides the weights and the scores of a cell with this configuration of its own.
Origins cell_origins(const RunConfig& own, const FinetuneData& data);

// Everything of one cell that is known before it starts; memory is planned and not yet taken.
class FinetuneSetup {
 public:
  FinetuneSetup(const RunConfig& config, const FinetuneCell& cell, const FinetuneData& data,
                const HostPlace& place);

  const FinetuneData& data;
  const RunPlan plan;
  const RunConfig config;  // as this cell alone would be configured
  const std::unique_ptr<Device> device;
  const Capacities capacities;
  const HeadDescription head;
  TaskObjective objective;
  Optimizer optimizer;
  DeviceBatch batch;
  ModelMemory memory;
  std::string kernel_choices;  // what share_kernel_choices() said
  DeviceRanks device_ranks;

  ScheduleOptions schedule() const;
  std::int64_t evaluate_every() const;  // steps
  BatchStreamOptions stream_options(const PlannedPhase& phase, std::uint64_t start, int rank,
                                    int world) const;
  // Once the memory is taken: the teacher's weights, where there is one.
  void load_teacher();
  // Draws the head, whatever the model to start from has, and what else that lacks; without one the
  // student of a teacher begins with the teacher's layers.
  void initialize_weights();
};

}  // namespace bertyard
