// SPDX-License-Identifier: Apache-2.0
// Devices, memory and copies of the CUDA runtime: one device, "emulated sm_90".
#include <cstring>

#include <cuda_runtime_api.h>
#include <fmt/format.h>

#include "core/base/error.h"
#include "tests/support/cuda_emulation/device_memory.h"
#include "tests/support/cuda_emulation/streams.h"

namespace bertyard::emulation {
namespace {

constexpr std::size_t kDeviceBytes = std::size_t{8} << 30;

cudaError_t allocate(void** data, std::size_t bytes, MemoryKind kind) {
  if (anything_captured()) return remember(cudaErrorStreamCaptureUnsupported);
  if (kind == MemoryKind::device && allocated_bytes() + bytes > kDeviceBytes) {
    return remember(cudaErrorMemoryAllocation);
  }
  *data = allocate_memory(bytes, kind);
  return cudaSuccess;
}

cudaError_t release(void* data, MemoryKind kind) {
  if (data == nullptr) return cudaSuccess;
  drain(nullptr);
  const std::string damage = damaged_memory();
  if (!damage.empty()) fmt::print(stderr, "emulated CUDA: {}\n", damage);
  return free_memory(data, kind) ? cudaSuccess : remember(cudaErrorInvalidValue);
}

std::string_view name_of(MemoryKind kind) {
  return kind == MemoryKind::device ? "device" : kind == MemoryKind::pinned ? "pinned" : "host";
}

void check_side(const void* data, std::size_t bytes, bool device, std::string_view which) {
  const MemoryKind kind = kind_of(data, bytes);
  BERTYARD_CHECK((kind == MemoryKind::device) == device,
                 fmt::format("emulated CUDA: a copy of {} bytes {} {} memory, expected {}", bytes,
                             which, name_of(kind), device ? "device" : "host or pinned"));
}

void check_copy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  if (kind == cudaMemcpyDefault || bytes == 0) return;
  check_side(to, bytes, kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice, "to");
  check_side(from, bytes, kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice,
             "from");
}

}  // namespace
}  // namespace bertyard::emulation

using namespace bertyard::emulation;

extern "C" {

cudaError_t cudaGetDeviceCount(int* count) {
  *count = 1;
  return cudaSuccess;
}
cudaError_t cudaSetDevice(int device) {
  return device == 0 ? cudaSuccess : remember(cudaErrorInvalidDevice);
}
cudaError_t cudaGetDevice(int* device) {
  *device = 0;
  return cudaSuccess;
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  if (device != 0) return remember(cudaErrorInvalidDevice);
  std::memset(properties, 0, sizeof *properties);
  std::strcpy(properties->name, "emulated sm_90");
  properties->totalGlobalMem = kDeviceBytes;
  properties->major = 9;
  properties->minor = 0;
  properties->warpSize = 32;
  properties->multiProcessorCount = 4;
  properties->maxThreadsPerBlock = 1024;
  properties->maxThreadsPerMultiProcessor = 2048;
  properties->sharedMemPerBlock = 49152;
  properties->sharedMemPerBlockOptin = 232448;
  properties->sharedMemPerMultiprocessor = 233472;
  properties->regsPerBlock = properties->regsPerMultiprocessor = 65536;
  properties->l2CacheSize = 50 << 20;
  return cudaSuccess;
}
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  cudaDeviceProp properties;
  const cudaError_t error = cudaGetDeviceProperties(&properties, device);
  if (error != cudaSuccess) return error;
  switch (attribute) {
    case cudaDevAttrComputeCapabilityMajor:
      *value = properties.major;
      return cudaSuccess;
    case cudaDevAttrComputeCapabilityMinor:
      *value = properties.minor;
      return cudaSuccess;
    case cudaDevAttrMultiProcessorCount:
      *value = properties.multiProcessorCount;
      return cudaSuccess;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin:
      *value = static_cast<int>(properties.sharedMemPerBlockOptin);
      return cudaSuccess;
    default:
      return remember(cudaErrorInvalidValue);
  }
}
cudaError_t cudaDeviceGetStreamPriorityRange(int* least, int* greatest) {
  *least = 0;
  *greatest = -5;
  return cudaSuccess;
}
cudaError_t cudaDriverGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}
cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}
const char* cudaGetErrorString(cudaError_t error) {
  return error == cudaSuccess ? "no error" : "an error of the emulated runtime";
}
const char* cudaGetErrorName(cudaError_t error) {
  thread_local std::string text;
  text = fmt::format("cudaError {}", static_cast<int>(error));
  return text.c_str();
}
cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, const void* /*kernel*/) {
  *attributes = {};
  return cudaSuccess;
}
cudaError_t cudaFuncSetAttribute(const void* /*kernel*/, cudaFuncAttribute attribute, int value) {
  const bool fits = attribute != cudaFuncAttributeMaxDynamicSharedMemorySize || value <= 232448;
  return fits ? cudaSuccess : remember(cudaErrorInvalidValue);
}

cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
  *total = kDeviceBytes;
  *free = kDeviceBytes - allocated_bytes();
  return cudaSuccess;
}
cudaError_t cudaMalloc(void** data, std::size_t bytes) {
  return allocate(data, bytes, MemoryKind::device);
}
cudaError_t cudaFree(void* data) {
  return release(data, MemoryKind::device);
}
cudaError_t cudaHostAlloc(void** data, std::size_t bytes, unsigned /*flags*/) {
  return allocate(data, bytes, MemoryKind::pinned);
}
cudaError_t cudaMallocHost(void** data, std::size_t bytes) {
  return allocate(data, bytes, MemoryKind::pinned);
}
cudaError_t cudaFreeHost(void* data) {
  return release(data, MemoryKind::pinned);
}

// A copy of pageable host memory may read or write it before the call returns, so it does.
cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  check_copy(to, from, bytes, kind);
  enqueue(stream, [=] {
    if (bytes > 0) std::memcpy(to, from, bytes);
  });
  const bool pageable =
      kind_of(to, bytes) == MemoryKind::none || kind_of(from, bytes) == MemoryKind::none;
  if (pageable && stream != nullptr) {
    if (anything_captured()) return remember(cudaErrorStreamCaptureUnsupported);
    drain(stream);
  }
  return cudaSuccess;
}
cudaError_t cudaMemcpy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  return cudaMemcpyAsync(to, from, bytes, kind, nullptr);
}
cudaError_t cudaMemsetAsync(void* data, int value, std::size_t bytes, cudaStream_t stream) {
  if (bytes > 0) check_side(data, bytes, true, "to");
  enqueue(stream, [=] {
    if (bytes > 0) std::memset(data, value, bytes);
  });
  return cudaSuccess;
}
cudaError_t cudaMemset(void* data, int value, std::size_t bytes) {
  return cudaMemsetAsync(data, value, bytes, nullptr);
}

}  // extern "C"
