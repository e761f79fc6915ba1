// SPDX-License-Identifier: Apache-2.0
#include "core/backend/cuda/cuda_memory.h"

#include <fmt/format.h>

#include "core/backend/cuda/cuda_error.h"
#include "core/base/error.h"

namespace bertyard {
namespace {

double gigabytes(std::size_t bytes) {
  return static_cast<double>(bytes) * 1e-9;
}

void release_device(void* data, std::size_t /*bytes*/) noexcept {
  static_cast<void>(cudaFree(data));
}

void release_pinned(void* data, std::size_t /*bytes*/) noexcept {
  static_cast<void>(cudaFreeHost(data));
}

}  // namespace

Buffer allocate_device_memory(std::size_t bytes) {
  if (bytes == 0) return {};
  void* data = nullptr;
  const cudaError_t code = cudaMalloc(&data, bytes);
  if (code == cudaErrorMemoryAllocation) {
    static_cast<void>(cudaGetLastError());
    std::size_t free = 0, total = 0;
    BERTYARD_CHECK_CUDA(cudaMemGetInfo(&free, &total));
    throw EnvironmentError(
        fmt::format("GPU memory: {:.3f} GB were asked for and {:.3f} of {:.3f} GB are free; make "
                    "parallel.micro_batch smaller, set parallel.recompute to layers, or free the "
                    "memory that other programs hold",
                    gigabytes(bytes), gigabytes(free), gigabytes(total)));
  }
  BERTYARD_CHECK_CUDA(code);
  return {data, bytes, release_device};
}

Buffer allocate_pinned_memory(std::size_t bytes) {
  if (bytes == 0) return {};
  void* data = nullptr;
  const cudaError_t code = cudaMallocHost(&data, bytes);
  if (code == cudaErrorMemoryAllocation) {
    static_cast<void>(cudaGetLastError());
    throw EnvironmentError(fmt::format(
        "pinned host memory: {:.3f} GB were asked for and the system refused; free host memory or "
        "raise the limit of locked memory (ulimit -l)",
        gigabytes(bytes)));
  }
  BERTYARD_CHECK_CUDA(code);
  return {data, bytes, release_pinned};
}

}  // namespace bertyard
