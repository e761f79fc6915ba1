// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

namespace bertyard {

// Kernels compute in f32; activations are float, __nv_bfloat16 or __half in memory.
__device__ inline float to_float(float x) {
  return x;
}
__device__ inline float to_float(__nv_bfloat16 x) {
  return __bfloat162float(x);
}
__device__ inline float to_float(__half x) {
  return __half2float(x);
}

// Rounded to nearest even.
template <typename T>
__device__ T from_float(float x);
template <>
__device__ inline float from_float<float>(float x) {
  return x;
}
template <>
__device__ inline __nv_bfloat16 from_float<__nv_bfloat16>(float x) {
  return __float2bfloat16_rn(x);
}
template <>
__device__ inline __half from_float<__half>(float x) {
  return __float2half_rn(x);
}

// Two neighbours in a word, the first one low, as tensor cores take them.
template <typename T>
__device__ std::uint32_t pack_pair(float first, float second);
template <>
__device__ inline std::uint32_t pack_pair<__nv_bfloat16>(float first, float second) {
  const __nv_bfloat162 pair = __floats2bfloat162_rn(first, second);
  return *reinterpret_cast<const std::uint32_t*>(&pair);
}
template <>
__device__ inline std::uint32_t pack_pair<__half>(float first, float second) {
  const __half2 pair = __floats2half2_rn(first, second);
  return *reinterpret_cast<const std::uint32_t*>(&pair);
}

// 16 bytes of neighbours: one access of memory where the address is a multiple of 16.
template <typename T>
struct alignas(16) Elements16 {
  static constexpr int kCount = 16 / sizeof(T);
  T value[kCount];
};
__host__ __device__ inline bool allows_16(const void* address) {
  return reinterpret_cast<std::uintptr_t>(address) % 16 == 0;
}
template <typename T>
__device__ Elements16<T> load_16(const T* address) {
  return *reinterpret_cast<const Elements16<T>*>(address);
}
template <typename T>
__device__ void store_16(T* address, const Elements16<T>& elements) {
  *reinterpret_cast<Elements16<T>*>(address) = elements;
}

}  // namespace bertyard
