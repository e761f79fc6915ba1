// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace bertyard::emulation {

// mma.m16n8k16, ldmatrix and cp.async by the layouts of the PTX ISA, which stand in
// core/backend/cuda/tile_instructions.cuh. Sums are f32 in the order of k; the hardware's order and
// its truncation of intermediate sums are its own.
using Widen = float (*)(std::uint16_t bits);
void multiply_add(float (&c)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2],
                  Widen widen);
void load_matrices(std::uint32_t (&r)[4], const void* row);
void load_matrices_transposed(std::uint32_t (&r)[4], const void* row);
void copy_async_16(void* shared, const void* global, bool present);

}  // namespace bertyard::emulation
