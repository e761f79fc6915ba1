// SPDX-License-Identifier: Apache-2.0
#include "core/backend/cpu/cpu_layer_ops.h"

namespace bertyard {

CpuLayerOps::CpuLayerOps(const CpuKernels& kernels, MatrixLibrary& matrices, int threads)
    : kernels_(kernels),
      matrices_(matrices),
      workspace_(threads, kernels.attention),
      threads_(threads) {}

std::size_t CpuLayerOps::workspace_bytes(const WorkspaceLimits& limits) const {
  return workspace_.bytes(limits) + matrices_.kept_bytes(limits);
}

void CpuLayerOps::reserve(const WorkspaceLimits& limits) {
  workspace_.reserve(limits);
  keeps_weights_ = limits.weights > 0;
}

}  // namespace bertyard
