// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "core/backend/built_with.h"
#include "core/backend/cpu/kernel_choice.h"
#include "core/base/error.h"

namespace bertyard {

namespace generic {
CpuKernels kernels();
}

std::string cpu_instruction_set(DType /*activations*/) {
  return "generic";
}

CpuKernels choose_kernels(const std::string& instruction_set) {
  if (!instruction_set.empty() && instruction_set != "generic") {
    throw EnvironmentError(fmt::format(
        "CPU: the instruction set {} was asked for, but this build has generic only; choose "
        "generic or leave it empty",
        instruction_set));
  }
  return generic::kernels();
}

}  // namespace bertyard
