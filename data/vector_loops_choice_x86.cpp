// SPDX-License-Identifier: Apache-2.0
#include "data/vector_loops.h"

namespace bertyard {

namespace avx512 {
const VectorLoops& vector_loops();
}
namespace avx2 {
const VectorLoops& vector_loops();
}
namespace generic {
const VectorLoops& vector_loops();
}

namespace {

// The widest first.
const VectorLoops& best_loops() {
  for (const char* name : {"avx512", "avx2"}) {
    if (const VectorLoops* const loops = vector_loops(name)) return *loops;
  }
  return generic::vector_loops();
}

}  // namespace

const VectorLoops& vector_loops() {
  static const VectorLoops& best = best_loops();
  return best;
}

const VectorLoops* vector_loops(std::string_view instruction_set) {
  // What x86-64-v3 and v4, which they are compiled for, have beyond the level below.
  const bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                        __builtin_cpu_supports("bmi2");
  const bool has_avx512 = has_avx2 && __builtin_cpu_supports("avx512f") &&
                          __builtin_cpu_supports("avx512bw") &&
                          __builtin_cpu_supports("avx512cd") &&
                          __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  if (instruction_set == "avx512" && has_avx512) return &avx512::vector_loops();
  if (instruction_set == "avx2" && has_avx2) return &avx2::vector_loops();
  return instruction_set == "generic" ? &generic::vector_loops() : nullptr;
}

}  // namespace bertyard
