// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/backend/device.h"

namespace bertyard {

struct BenchOptions {
  std::string model = "bert-large";
  std::int64_t length = 128;     // of every sequence
  std::int64_t sequences = 256;  // of a micro-batch, and of a step
  int steps = 20;                // timed, after a fifth as many that warm up
  DType activations = DType::bf16;
};

// Times training steps of a model on sequences of one length filled at random; prints one JSON
// object with tokens and sequences a second, milliseconds of each part, and the rate beside that of
// the device's own matrix products.
using DeviceMaker = std::function<std::unique_ptr<Device>()>;
void run_bench(const DeviceMaker& make_device, const BenchOptions& options);

}  // namespace bertyard
