// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace bertyard {

// Whether this processor has what files are compiled for by -march=x86-64-v3 and x86-64-v4. For
// files that CMake takes on x86-64 alone, and that are compiled for every processor.
inline bool has_x86_64_v3() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
         __builtin_cpu_supports("bmi2");
}
inline bool has_x86_64_v4() {
  return has_x86_64_v3() && __builtin_cpu_supports("avx512f") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

}  // namespace bertyard
