// SPDX-License-Identifier: Apache-2.0
#include "core/backend/cuda/cuda_error.h"

#include <fmt/format.h>

#include "core/base/error.h"

namespace bertyard {

void check_cuda(cudaError_t code, const char* what, const char* file, int line) {
  if (code == cudaSuccess) return;
  static_cast<void>(cudaGetLastError());  // forgets it, where it can be forgotten
  throw EnvironmentError(fmt::format("CUDA: {}: {} ({}) at {}:{}", what, cudaGetErrorString(code),
                                     cudaGetErrorName(code), file, line));
}

}  // namespace bertyard
