// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "core/tensor/dtype.h"

namespace bertyard {

// Whether this build has the GPU backend, be there a GPU or not.
bool built_with_cuda();
// GPUs that the machine's driver sees; 0 without driver or backend. Where the driver cannot say, 1:
// taking that one says why it is of no use.
int cuda_device_count();
// The ids of these GPUs, by number: the same for every process, whatever it sees beside them.
std::vector<std::string> cuda_device_ids();
// The CPU kernels that suit this processor and activations best: those of avx512_bf16 for bf16
// alone, so that machines with and without it are one environment in f32.
std::string cpu_instruction_set(DType activations);

}  // namespace bertyard
