// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <mutex>
#include <set>
#include <utility>

#include <cuda_runtime.h>

#include "core/backend/cuda/cuda_error.h"

namespace bertyard {

struct LaunchShape {
  dim3 grid;
  dim3 block;
  std::size_t shared_bytes = 0;  // dynamic
  cudaStream_t stream = nullptr;
};

// Lets a kernel have as much dynamic shared memory as the device gives a block: once, since a
// smaller limit set later would also hold for what is recorded in graphs.
inline void allow_shared_memory(const char* name, const void* kernel) {
  static std::mutex mutex;
  static std::set<std::pair<int, const void*>> allowed;  // on which device
  const auto check = [name](cudaError_t code) { check_cuda(code, name, __FILE__, __LINE__); };
  int device = 0, most = 0;
  check(cudaGetDevice(&device));
  const std::lock_guard lock(mutex);
  if (allowed.contains({device, kernel})) return;
  cudaFuncAttributes attributes = {};
  check(cudaDeviceGetAttribute(&most, cudaDevAttrMaxSharedMemoryPerBlockOptin, device));
  check(cudaFuncGetAttributes(&attributes, kernel));
  check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                             most - static_cast<int>(attributes.sharedSizeBytes)));
  allowed.insert({device, kernel});
}

// Starts `kernel` with `arguments`, converted to its parameters' types; `name` stands in messages.
// Kernels are launched here and nowhere else: the tests' emulation has a header of this name that
// runs them on the CPU.
template <typename... Parameters, typename... Arguments>
void launch(const char* name, void (*kernel)(Parameters...), const LaunchShape& shape,
            Arguments&&... arguments) {
  constexpr std::size_t kWithoutConsent = 48 << 10;  // above it a kernel has to ask
  if (shape.shared_bytes > kWithoutConsent) {
    allow_shared_memory(name, reinterpret_cast<const void*>(kernel));
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
