// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "core/backend/built_with.h"
#include "core/backend/cpu/kernel_choice.h"
#include "core/base/error.h"

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

bool has_avx2() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

bool has_avx512() {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl");
}

// avx512 with products of bf16, from Zen 4 and Cooper Lake on.
bool has_avx512_bf16() {
  return has_avx512() && __builtin_cpu_supports("avx512bf16");
}

[[noreturn]] void throw_unsupported(const std::string& instruction_set) {
  throw EnvironmentError(fmt::format(
      "CPU: the instruction set {} was asked for, but this processor does not have it; choose {} "
      "or leave it empty",
      instruction_set,
      has_avx512() ? "avx512"
      : has_avx2() ? "avx2"
                   : "generic"));
}

}  // namespace

std::string cpu_instruction_set(DType activations) {
  if (activations == DType::bf16 && has_avx512_bf16()) return "avx512_bf16";
  if (has_avx512()) return "avx512";
  return has_avx2() ? "avx2" : "generic";
}

CpuKernels choose_kernels(const std::string& instruction_set) {
  if (instruction_set.empty()) {
    if (has_avx512_bf16()) return avx512_bf16::kernels();
    if (has_avx512()) return avx512::kernels();
    return has_avx2() ? avx2::kernels() : generic::kernels();
  }
  if (instruction_set == "generic") return generic::kernels();
  if (instruction_set == "avx2") {
    if (!has_avx2()) throw_unsupported(instruction_set);
    return avx2::kernels();
  }
  if (instruction_set == "avx512") {
    if (!has_avx512()) throw_unsupported(instruction_set);
    return avx512::kernels();
  }
  if (instruction_set == "avx512_bf16") {
    if (!has_avx512_bf16()) throw_unsupported(instruction_set);
    return avx512_bf16::kernels();
  }
  throw UsageError(fmt::format(
      "CPU: the instruction set must be avx512_bf16, avx512, avx2, generic or empty, found '{}'",
      instruction_set));
}

}  // namespace bertyard
