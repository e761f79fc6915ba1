// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace bertyard {

// What joins devices: the time of one hop, and the rate at which a ring moves data.
struct LinkOptions {
  double latency_us = 0;
  double gigabytes = 0;  // a second; inside a node of one device, between nodes of a whole node
  bool operator==(const LinkOptions&) const = default;
};

// A cluster as `plan` predicts for it (docs/scaling.md); the defaults are nodes of eight H100 with
// eight links of 400 Gbit/s.
struct ClusterOptions {
  int devices_per_node = 8;
  double matrix_tflops = 798;                 // of one device: a large product, measured
  double efficiency = 0.6;                    // what products of training reach of it
  double memory_gigabytes = 3000;             // a second, of one device: streaming, measured
  std::uint64_t device_memory = 79ull << 30;  // bytes of one device
  double operation_us = 5;                    // the least that an operation on a device takes
  double step_ms = 0;                         // of a step, whatever its size
  LinkOptions node{4, 470};
  LinkOptions network{14, 370};
  bool operator==(const ClusterOptions&) const = default;
};

}  // namespace bertyard
