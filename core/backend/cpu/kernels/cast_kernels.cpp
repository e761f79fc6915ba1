// SPDX-License-Identifier: Apache-2.0
#include "core/backend/cpu/kernels/bfloat.h"
#include "core/backend/cpu/kernels/instruction_set.h"

namespace bertyard::BERTYARD_ISA_NAMESPACE {
namespace {

void widen(float* to, const BFloatBits* from, std::int64_t n) {
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) to[i] = wide(from[i]);
}

void narrow(BFloatBits* to, const float* from, std::int64_t n) {
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) store_narrow(to[i], from[i]);
}

}  // namespace

CastKernels cast_kernels() {
  return {widen, narrow};
}

}  // namespace bertyard::BERTYARD_ISA_NAMESPACE
