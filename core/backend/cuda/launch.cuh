// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include <cuda_runtime.h>

#include "core/backend/cuda/cuda_error.h"

namespace bertyard {

struct LaunchShape {
  dim3 grid;
  dim3 block;
  std::size_t shared_bytes = 0;  // dynamic
  cudaStream_t stream = nullptr;
};

// Starts `kernel` with `arguments`, converted to its parameters' types; `name` stands in messages.
// Kernels are launched here and nowhere else: the tests' emulation has a header of this name that
// runs them on the CPU.
template <typename... Parameters, typename... Arguments>
void launch(const char* name, void (*kernel)(Parameters...), const LaunchShape& shape,
            Arguments&&... arguments) {
  constexpr std::size_t kWithoutConsent = 48 << 10;  // above it a kernel has to ask
  if (shape.shared_bytes > kWithoutConsent) {
    check_cuda(cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel),
                                    cudaFuncAttributeMaxDynamicSharedMemorySize,
                                    static_cast<int>(shape.shared_bytes)),
               name, __FILE__, __LINE__);
  }
  cudaLaunchConfig_t config = {};
  config.gridDim = shape.grid;
  config.blockDim = shape.block;
  config.dynamicSmemBytes = shape.shared_bytes;
  config.stream = shape.stream;
  check_cuda(cudaLaunchKernelEx(&config, kernel, static_cast<Parameters>(arguments)...), name,
             __FILE__, __LINE__);
}

// The dynamic shared memory of this block, aligned to 128 bytes.
template <typename T>
__device__ T* dynamic_shared() {
  extern __shared__ __align__(128) unsigned char bertyard_shared_memory[];
  return reinterpret_cast<T*>(bertyard_shared_memory);
}

}  // namespace bertyard
