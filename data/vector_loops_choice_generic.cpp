// SPDX-License-Identifier: Apache-2.0
// Where there is one instruction set only.
#include "data/vector_loops.h"

namespace bertyard {

namespace generic {
const VectorLoops& vector_loops();
}

const VectorLoops& vector_loops() {
  return generic::vector_loops();
}

const VectorLoops* vector_loops(std::string_view instruction_set) {
  return instruction_set == "generic" ? &generic::vector_loops() : nullptr;
}

}  // namespace bertyard
