// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/backend/cpu/kernels/kernels.h"

// The build names the namespace of this compilation (BERTYARD_ISA_NAMESPACE:
// avx512_bf16, avx512, avx2 or generic) and the floats in a vector register of that instruction set
// (BERTYARD_ISA_LANES).
namespace bertyard::BERTYARD_ISA_NAMESPACE {

inline constexpr int kLanes = BERTYARD_ISA_LANES;

CastKernels cast_kernels();
PackKernels pack_kernels();
NormKernels norm_kernels();
ActivationKernels activation_kernels();
CrossEntropyKernels cross_entropy_kernels();
AttentionKernels attention_kernels();
UpdateKernels update_kernels();
CpuKernels kernels();

}  // namespace bertyard::BERTYARD_ISA_NAMESPACE
