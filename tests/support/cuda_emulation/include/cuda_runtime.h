// SPDX-License-Identifier: Apache-2.0
#pragma once

// Stands before the toolkit's cuda_runtime.h where a C++ compiler compiles kernels for the
// emulation: CUDA's keywords, variables and intrinsics as far as our kernels use them. The types
// and declarations are the toolkit's own.

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <type_traits>

#include <cuda_runtime_api.h>
#include <vector_functions.h>
#include <vector_types.h>

#include "tests/support/cuda_emulation/warp_operations.h"

#define __launch_bounds__(...)
#undef __shared__
#define __shared__ static  // threads of all blocks run on one CPU thread at a time

#define threadIdx (::bertyard::emulation::thread_index())
#define blockIdx (::bertyard::emulation::block_index())
#define blockDim (::bertyard::emulation::block_shape())
#define gridDim (::bertyard::emulation::grid_shape())
constexpr int warpSize = 32;

inline void __syncthreads() {
  bertyard::emulation::wait_for_block("__syncthreads");
}
inline void __syncwarp(unsigned mask = 0xFFFFFFFFu) {
  bertyard::emulation::meet_warp("__syncwarp", mask, nullptr, [](void* const*, std::uint32_t) {});
}
template <typename T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32) {
  const int lane = static_cast<int>(bertyard::emulation::lane());
  return bertyard::emulation::shuffle(mask, value, lane / width * width + source % width);
}
template <typename T>
T __shfl_xor_sync(unsigned mask, T value, int lane_mask, int width = 32) {
  const int lane = static_cast<int>(bertyard::emulation::lane());
  const int source = lane ^ lane_mask;
  return bertyard::emulation::shuffle(mask, value, source / width <= lane / width ? source : lane);
}
template <typename T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32) {
  const int lane = static_cast<int>(bertyard::emulation::lane());
  const int source = lane + static_cast<int>(delta);
  return bertyard::emulation::shuffle(mask, value, source / width == lane / width ? source : lane);
}
template <typename T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32) {
  const int lane = static_cast<int>(bertyard::emulation::lane());
  const int source = lane - static_cast<int>(delta);
  return bertyard::emulation::shuffle(mask, value, source >= lane / width * width ? source : lane);
}
inline unsigned __ballot_sync(unsigned mask, int predicate) {
  return bertyard::emulation::ballot(mask, predicate != 0);
}
inline int __any_sync(unsigned mask, int predicate) {
  return __ballot_sync(mask, predicate) != 0;
}
inline int __all_sync(unsigned mask, int predicate) {
  return __ballot_sync(mask, predicate) == mask;
}

inline void __threadfence() {}
inline void __threadfence_block() {}
template <typename T>
T __ldg(const T* address) {
  return *address;
}

inline unsigned __float_as_uint(float x) {
  return std::bit_cast<unsigned>(x);
}
inline int __float_as_int(float x) {
  return std::bit_cast<int>(x);
}
inline float __uint_as_float(unsigned x) {
  return std::bit_cast<float>(x);
}
inline float __int_as_float(int x) {
  return std::bit_cast<float>(x);
}
inline unsigned __umulhi(unsigned a, unsigned b) {
  return static_cast<unsigned>(static_cast<std::uint64_t>(a) * b >> 32);
}
inline int __popc(unsigned x) {
  return std::popcount(x);
}
inline int __ffs(int x) {
  return __builtin_ffs(x);
}
inline int __clz(int x) {
  return std::countl_zero(static_cast<unsigned>(x));
}

inline float rsqrtf(float x) {
  return 1.0f / std::sqrt(x);
}
inline float __expf(float x) {
  return std::exp(x);
}
inline float __logf(float x) {
  return std::log(x);
}
inline float __fdividef(float x, float y) {
  return x / y;
}
inline float __frcp_rn(float x) {
  return 1.0f / x;
}
inline float __fsqrt_rn(float x) {
  return std::sqrt(x);
}
inline float __fadd_rn(float x, float y) {
  return x + y;
}
inline float __fmul_rn(float x, float y) {
  return x * y;
}
inline float __fdiv_rn(float x, float y) {
  return x / y;
}
inline float __fmaf_rn(float x, float y, float z) {
  return std::fma(x, y, z);
}

// Threads switch only where they wait, so plain operations are atomic.
template <typename T>
T atomicAdd(T* address, std::type_identity_t<T> value) {
  const T old = *address;
  *address = old + value;
  return old;
}
template <typename T>
T atomicMax(T* address, std::type_identity_t<T> value) {
  const T old = *address;
  *address = std::max(old, value);
  return old;
}
template <typename T>
T atomicMin(T* address, std::type_identity_t<T> value) {
  const T old = *address;
  *address = std::min(old, value);
  return old;
}
template <typename T>
T atomicExch(T* address, std::type_identity_t<T> value) {
  const T old = *address;
  *address = value;
  return old;
}

// CUDA has these in the global namespace.
template <typename T>
constexpr T min(T a, std::type_identity_t<T> b) {
  return b < a ? b : a;
}
template <typename T>
constexpr T max(T a, std::type_identity_t<T> b) {
  return a < b ? b : a;
}
