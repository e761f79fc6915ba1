// SPDX-License-Identifier: Apache-2.0
#include "core/backend/cpu/kernels/instruction_set.h"

namespace bertyard::BERTYARD_ISA_NAMESPACE {

CpuKernels kernels() {
  return {BERTYARD_ISA_NAME,    cast_kernels(),          pack_kernels(),      norm_kernels(),
          activation_kernels(), cross_entropy_kernels(), attention_kernels(), update_kernels()};
}

}  // namespace bertyard::BERTYARD_ISA_NAMESPACE
