// SPDX-License-Identifier: Apache-2.0
// Reads and writes nothing: it is asked for, never launched.
#include <cuda_runtime.h>

#include "core/backend/cuda/code_probe.h"

namespace bertyard {
namespace {

__global__ void code_probe_kernel() {}

}  // namespace

const void* code_probe() {
  return reinterpret_cast<const void*>(&code_probe_kernel);
}

}  // namespace bertyard
