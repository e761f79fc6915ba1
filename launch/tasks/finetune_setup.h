// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/backend/device.h"
#include "core/optim/optimizer.h"
#include "data/batches/batch_stream.h"
#include "launch/config/run_config.h"
#include "launch/run/device_ranks.h"
#include "launch/run/finetune_layout.h"
#include "launch/run/run_device.h"
#include "launch/tasks/finetune_data.h"
#include "train/device_batch.h"
#include "train/huggingface/huggingface.h"
#include "train/model_memory.h"
#include "train/run_plan.h"
#include "train/task_objective.h"

namespace bertyard {

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
