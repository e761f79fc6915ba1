// SPDX-License-Identifier: Apache-2.0
#include <cuda_runtime.h>

#include "core/backend/cuda/code_probe.h"

namespace bertyard {
namespace {

__global__ void do_nothing() {}

}  // namespace

const void* code_probe() {
  return reinterpret_cast<const void*>(&do_nothing);
}

}  // namespace bertyard
