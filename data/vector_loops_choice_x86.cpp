// SPDX-License-Identifier: Apache-2.0
#include "core/base/x86_levels.h"
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
  if (instruction_set == "avx512" && has_x86_64_v4()) return &avx512::vector_loops();
  if (instruction_set == "avx2" && has_x86_64_v3()) return &avx2::vector_loops();
  return instruction_set == "generic" ? &generic::vector_loops() : nullptr;
}

}  // namespace bertyard
