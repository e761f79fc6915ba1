// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/backend/recurrent_ops.h"
#include "core/backend/workspace_limits.h"
#include "core/nn/head_config.h"
#include "core/nn/model_config.h"
#include "core/nn/pass.h"

namespace bertyard {

// What a model's layers ask of the workspace for micro-batches of at most `capacities`; the caller
// adds how much of its weights and parameters the device may keep.
WorkspaceLimits workspace_limits(const ModelConfig& config, const Capacities& capacities);

// The same of an ELMo's LSTMs, in pre-training or on a task, and of those that the head of a task
// has; without either no cells.
RecurrentLimits recurrent_limits(const ModelConfig& config, const Capacities& capacities,
                                 const HeadConfig& head = {});

}  // namespace bertyard
