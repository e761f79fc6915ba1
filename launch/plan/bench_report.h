// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/backend/device.h"
#include "core/nn/model_config.h"
#include "core/nn/recompute.h"
#include "launch/plan/matrix_peak.h"
#include "train/step_profile.h"

namespace bertyard {

// What joins the ranks, as a ring would use it; zeros for one rank.
struct BenchLinks {
  double latency = 0;    // seconds of a hop
  double bandwidth = 0;  // bytes a second
};

// What `bertyard bench` was asked for and found, over all ranks.
struct BenchReport {
  ModelConfig model;
  std::string data;       // "synthetic" or the shards' path
  std::string optimizer;  // "adamw"
  bool shard_optimizer = false;
  Recompute recompute = Recompute::none;
  std::string connection;  // what carries the gradients between the ranks
  DeviceInfo device;
  std::string threads_placed;  // on cores
  DType activations = DType::f32;
  BenchLinks links;
  int ranks = 1;
  std::int64_t batch = 0;     // samples a step
  int length = 0;             // of the longest sample
  double keys_per_token = 0;  // sum of squared lengths / sum of lengths
  std::int64_t warmup = 0;    // steps before those below
  double micro_batches = 0;   // of a step, mean over the steps
  std::vector<StepProfile::Step> steps;
  std::vector<StepTimes> times;  // of the steps, means over the ranks
  MatrixPeak peak;               // its rate is the sum over the ranks
  double planned_bytes = 0;      // of a rank, of its device's memory
  double resident_bytes = 0;     // of the host's, the most of any rank

  double median_seconds() const;
  double best_seconds() const;
  double tokens_per_second() const;  // the median over the steps; tokens of text, no padding
  double samples_per_second() const;
  double mean_tokens() const;
  double mean_masked() const;
  double flops_per_second() const;
};

// For people, and one JSON object.
std::string bench_text(const BenchReport& report);
std::string bench_json(const BenchReport& report);

}  // namespace bertyard
