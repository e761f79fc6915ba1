// SPDX-License-Identifier: Apache-2.0
#include "launch/config/config_field.h"

namespace bertyard {

std::vector<ConfigField> cluster_fields() {
  const auto cluster = [](auto member) { return at(&RunConfig::cluster, member); };
  const auto link = [](auto member, auto part) { return at(&RunConfig::cluster, member, part); };
  const auto above = [](double most) {
    return real_type({.least = 0, .below = most, .excludes_least = true});
  };
  const auto from_zero = [](double most) { return real_type({.least = 0, .below = most}); };
  return {
      make_field({"cluster.devices_per_node", "what `plan` predicts for: devices of a node"},
                 cluster(&ClusterOptions::devices_per_node), count_type<int>({1, 4096})),
      make_field({"cluster.matrix_tflops", "TFLOP/s of a large product on one device, measured"},
                 cluster(&ClusterOptions::matrix_tflops), above(1e6)),
      make_field({"cluster.efficiency", "what the products of training reach of it"},
                 cluster(&ClusterOptions::efficiency),
                 real_type({.least = 0, .below = 1, .excludes_least = true})),
      make_field({"cluster.memory_gigabytes", "GB/s of one device's memory, measured"},
                 cluster(&ClusterOptions::memory_gigabytes), above(1e7)),
      make_field({"cluster.device_memory",
                  "of one device: what `check` compares with where there is no GPU"},
                 cluster(&ClusterOptions::device_memory), bytes_type()),
      make_field({"cluster.operation_us", "least microseconds of an operation on a device"},
                 cluster(&ClusterOptions::operation_us), from_zero(1e6)),
      make_field({"cluster.step_ms", "milliseconds of a step whatever its size"},
                 cluster(&ClusterOptions::step_ms), from_zero(1e7)),
      make_field({"cluster.node.latency_us", "of a hop between devices of a node"},
                 link(&ClusterOptions::node, &LinkOptions::latency_us), from_zero(1e6)),
      make_field({"cluster.node.gigabytes", "GB/s that a ring inside a node moves"},
                 link(&ClusterOptions::node, &LinkOptions::gigabytes), above(1e7)),
      make_field({"cluster.network.latency_us", "of a hop between nodes"},
                 link(&ClusterOptions::network, &LinkOptions::latency_us), from_zero(1e6)),
      make_field({"cluster.network.gigabytes", "GB/s that a ring between nodes moves, of a node"},
                 link(&ClusterOptions::network, &LinkOptions::gigabytes), above(1e7)),
  };
}

}  // namespace bertyard
