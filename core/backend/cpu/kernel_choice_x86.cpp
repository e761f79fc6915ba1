// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include "core/backend/built_with.h"
#include "core/backend/cpu/kernel_choice.h"
#include "core/base/error.h"
#include "core/base/x86_levels.h"

namespace bertyard {

namespace avx512_bf16 {
CpuKernels kernels();
}
namespace avx512 {
CpuKernels kernels();
}
namespace avx2 {
CpuKernels kernels();
}
namespace generic {
CpuKernels kernels();
}

namespace {

// avx512 with products of bf16, from Zen 4 and Cooper Lake on.
bool has_avx512_bf16() {
  return has_x86_64_v4() && __builtin_cpu_supports("avx512bf16");
}

bool has_anything() {
  return true;
}

struct Choice {
  const char* instruction_set;
  bool (*is_here)();
  CpuKernels (*kernels)();
};
constexpr Choice kNarrow{"avx512_bf16", has_avx512_bf16, avx512_bf16::kernels};
constexpr Choice kOthers[] = {{"avx512", has_x86_64_v4, avx512::kernels},
                              {"avx2", has_x86_64_v3, avx2::kernels},
                              {"generic", has_anything, generic::kernels}};

const Choice& best_choice(DType activations) {
  if (activations == DType::bf16 && kNarrow.is_here()) return kNarrow;
  return *std::ranges::find_if(kOthers, [](const Choice& choice) { return choice.is_here(); });
}

const Choice& named_choice(const std::string& instruction_set) {
  if (instruction_set == kNarrow.instruction_set) return kNarrow;
  const auto* const found = std::ranges::find(kOthers, instruction_set, &Choice::instruction_set);
  if (found != std::end(kOthers)) return *found;
  throw UsageError(fmt::format(
      "CPU: the instruction set must be avx512_bf16, avx512, avx2, generic or empty, found '{}'",
      instruction_set));
}

}  // namespace

std::string cpu_instruction_set(DType activations) {
  return best_choice(activations).instruction_set;
}

CpuKernels choose_kernels(const std::string& instruction_set) {
  if (instruction_set.empty()) return best_choice(DType::bf16).kernels();
  const Choice& choice = named_choice(instruction_set);
  if (choice.is_here()) return choice.kernels();
  throw EnvironmentError(fmt::format(
      "CPU: the instruction set {} was asked for, but this processor does not have it; choose {} "
      "or leave it empty",
      instruction_set, cpu_instruction_set(DType::f32)));
}

}  // namespace bertyard
