// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "core/nn/model_config.h"
#include "core/nn/recompute.h"
#include "launch/config/cluster_options.h"

namespace bertyard {

// What is trained, as far as the time of a step depends on it.
struct ScalingJob {
  ModelConfig model;
  std::int64_t global_batch = 0;
  double tokens = 0;          // of a sample, mean
  double masked = 0;          // likewise
  double keys_per_token = 0;  // sum of squared lengths / sum of lengths
  double micro_batch_tokens = 0;
  double activation_bytes = 2;  // of an element
  double gradient_bytes = 4;    // of an element on its way to other devices
  double weight_bytes = 4;      // likewise of a new weight, with ZeRO-1
  double optimizer_bytes = 30;  // read and written per parameter in an update; LAMB 46
  double bucket_bytes = 25 << 20;
  bool shard_optimizer = false;
  Recompute recompute = Recompute::none;
  double data_seconds = 0;  // waiting for a step's batches, beyond what is hidden
};

// Seconds of one step on a number of devices, and where they go.
struct ScalingPoint {
  int devices = 1;
  std::int64_t micro_batches = 1;  // of a device
  double compute = 0;              // forward and backward of all micro-batches
  double exchange = 0;             // of gradients, hidden or not
  double exposed = 0;              // of it, after backward; and the new weights with ZeRO-1
  double optimizer = 0;
  double other = 0;  // data, and what does not depend on size
  double step() const { return compute + exposed + optimizer + other; }
};

// The model of docs/scaling.md: a roofline of products, memory and operations for computing; a ring
// inside nodes and a ring or tree between them for gradients, bucket by bucket while the last
// backward runs.
ScalingPoint predict_step(const ScalingJob& job, const ClusterOptions& cluster, int devices);

// The sum of `bytes` over the devices, of all nodes at once: the slower of the two kinds of links.
double all_reduce_seconds(const ClusterOptions& cluster, int devices, double bytes);

// The efficiency with which predict_step(job, cluster, devices) takes `seconds`, from 0.0001 to 2:
// above 1 the job is smaller or the device faster than was said.
double fitted_efficiency(const ScalingJob& job, ClusterOptions cluster, int devices,
                         double seconds);

}  // namespace bertyard
