// SPDX-License-Identifier: Apache-2.0
#pragma once

// In place of core/backend/cuda/tile_instructions.cuh where kernels run on the CPU.

#include <cstdint>
#include <type_traits>

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include "tests/support/cuda_emulation/tensor_cores.h"

namespace bertyard {

template <typename T>
void multiply_add(float (&c)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) {
  static_assert(std::is_same_v<T, __nv_bfloat16> || std::is_same_v<T, __half>);
  constexpr auto widen = [](std::uint16_t bits) {
    return static_cast<float>(std::bit_cast<T>(bits));
  };
  emulation::multiply_add(c, a, b, widen);
}

inline void load_matrices(std::uint32_t (&r)[4], const void* row) {
  emulation::load_matrices(r, row);
}
inline void load_matrices_transposed(std::uint32_t (&r)[4], const void* row) {
  emulation::load_matrices_transposed(r, row);
}

inline void copy_async(void* shared, const void* global, bool present = true) {
  emulation::copy_async_16(shared, global, present);
}
inline void commit_copies() {
  emulation::close_copy_group();
}
template <int groups_left>
void wait_copies() {
  emulation::wait_for_copies(groups_left);
}

}  // namespace bertyard
