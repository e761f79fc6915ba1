// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "core/optim/optimizer_options.h"
#include "launch/cluster_options.h"

namespace bertyard {

// What results of `bench --json` say of this kind of device: rates of products and memory, the
// efficiency of a step, the wait for data, from the first file; links from the first that has them.
// The other values of `cluster` stay. DataError for a file that is no such result.
struct MeasuredCluster {
  ClusterOptions cluster;
  double data_seconds = 0;  // of a step
};
MeasuredCluster measured_cluster(const ClusterOptions& cluster,
                                 const std::vector<std::string>& files);

// Bytes read and written per parameter in one update: parameters, gradients and moments, for LAMB
// twice what its second half needs.
double update_bytes(OptimizerKind kind);

}  // namespace bertyard
