// SPDX-License-Identifier: Apache-2.0
#pragma once

// In place of core/backend/cuda/launch.cuh where kernels run on the CPU.

#include <cstddef>
#include <tuple>

#include <cuda_runtime.h>

#include "core/backend/cuda/cuda_error.h"
#include "tests/support/cuda_emulation/streams.h"

namespace bertyard {

struct LaunchShape {
  dim3 grid;
  dim3 block;
  std::size_t shared_bytes = 0;
  cudaStream_t stream = nullptr;
};

// The arguments are copied now and used when the stream comes to them, as the device does.
template <typename... Parameters, typename... Arguments>
void launch(const char* name, void (*kernel)(Parameters...), const LaunchShape& shape,
            Arguments&&... arguments) {
  const std::tuple<std::remove_cv_t<Parameters>...> bound(static_cast<Parameters>(arguments)...);
  emulation::enqueue_kernel(shape.stream, {.name = name,
                                           .grid = {shape.grid.x, shape.grid.y, shape.grid.z},
                                           .block = {shape.block.x, shape.block.y, shape.block.z},
                                           .shared_bytes = shape.shared_bytes,
                                           .body = [kernel, bound] { std::apply(kernel, bound); }});
}

template <typename T>
T* dynamic_shared() {
  return reinterpret_cast<T*>(emulation::dynamic_shared_memory());
}

}  // namespace bertyard
