// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

namespace bertyard {

// The tensor cores' instructions of compute capability 8.0 and later, for T = __nv_bfloat16 or
// __half. Which lane holds which element stands in the PTX ISA, "Matrix Fragments for mma.m16n8k16
// with floating point type"; with group = lane / 4 and pair = 2 (lane % 4):
//   A [16, 16]  a[0] (group, pair..)  a[1] (group + 8, pair..)  a[2] (group, pair + 8..)
//               a[3] (group + 8, pair + 8..), two neighbours of a row each, the left one low
//   B [16, 8]   b[0] (pair.., group)  b[1] (pair + 8.., group), two neighbours of a column each
//   C [16, 8]   c[0], c[1] (group, pair..)  c[2], c[3] (group + 8, pair..)
// C after a product is A of the next one: columns 16 k to 16 k + 15 of A are C of the tiles 2 k and
// 2 k + 1, rounded to T.

// c += a b, summed in f32. The whole warp takes part.
template <typename T>
__device__ void multiply_add(float (&c)[4], const std::uint32_t (&a)[4],
                             const std::uint32_t (&b)[2]);

template <>
__device__ inline void multiply_add<__nv_bfloat16>(float (&c)[4], const std::uint32_t (&a)[4],
                                                   const std::uint32_t (&b)[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
      "{%0,%1,%2,%3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

template <>
__device__ inline void multiply_add<__half>(float (&c)[4], const std::uint32_t (&a)[4],
                                            const std::uint32_t (&b)[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
      "{%0,%1,%2,%3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

__device__ inline std::uint32_t shared_address(const void* pointer) {
  return static_cast<std::uint32_t>(__cvta_generic_to_shared(pointer));
}

// Four 8 x 8 matrices of 2-byte elements from shared memory: lane l gives the 16-byte aligned
// address of row l % 8 of matrix l / 8, and receives in r[m] the elements (lane / 4, 2 (lane % 4))
// and the next of matrix m. (PTX ISA, ldmatrix.)
__device__ inline void load_matrices(std::uint32_t (&r)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(shared_address(row))
               : "memory");
}
// The same of each matrix's transpose.
__device__ inline void load_matrices_transposed(std::uint32_t (&r)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(shared_address(row))
               : "memory");
}

// 16 bytes from global into shared memory, or 16 bytes of 0 where `present` is false, behind the
// thread's back; both addresses are multiples of 16. (PTX ISA, cp.async.)
__device__ inline void copy_async(void* shared, const void* global, bool present = true) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;"
               :
               : "r"(shared_address(shared)), "l"(global), "r"(present ? 16 : 0)
               : "memory");
}
// Closes a group of this thread's copies.
__device__ inline void commit_copies() {
  asm volatile("cp.async.commit_group;" ::: "memory");
}
// Waits until at most `groups_left` of this thread's groups are under way; other threads see the
// copies after a barrier.
template <int groups_left>
__device__ void wait_copies() {
  asm volatile("cp.async.wait_group %0;" ::"n"(groups_left) : "memory");
}

}  // namespace bertyard
