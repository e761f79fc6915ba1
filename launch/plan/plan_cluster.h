// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "core/optim/optimizer_options.h"
#include "launch/config/cluster_options.h"

namespace bertyard {

// What a result of `bench --json` says of this kind of device: rates of products and memory, the
// efficiency of a step, the wait for data.
struct MeasuredCluster {
  int devices = 1;  // at work in a node when it was measured: they share its memory
  ClusterOptions cluster;
  double data_seconds = 0;  // of a step
};

// One for each file, in their order, with the links of the first that has them; without files what
// `cluster` says, whose other values stay. DataError for a file that is no such result.
std::vector<MeasuredCluster> measured_clusters(const ClusterOptions& cluster,
                                               const std::vector<std::string>& files);

// The first one with the most devices up to those that share a node in a run on `devices`; the
// first of all where every one had more.
const MeasuredCluster& rates_for(const std::vector<MeasuredCluster>& measured, int devices);

// Bytes read and written per parameter in one update: parameters, gradients and moments, for LAMB
// twice what its second half needs.
double update_bytes(OptimizerKind kind);

}  // namespace bertyard
