// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "core/backend/cpu/kernels/kernels.h"

namespace bertyard {

// The kernels for `instruction_set`, "avx512_bf16", "avx512", "avx2" or "generic"; empty means the
// best that this processor has. Throws UsageError on another name, EnvironmentError where the
// processor or the build lacks it.
CpuKernels choose_kernels(const std::string& instruction_set);

}  // namespace bertyard
