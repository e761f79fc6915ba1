// SPDX-License-Identifier: Apache-2.0
#include "core/backend/cpu/matrix_product.h"
#include "core/base/error.h"

namespace bertyard {

bool onednn_usable() {
  return false;
}

std::unique_ptr<MatrixLibrary> make_onednn(int /*threads*/, const PackKernels& /*pack*/) {
  throw EnvironmentError(
      "built without oneDNN: set the matrix library to openblas, or install libdnnl-dev and "
      "configure again");
}

}  // namespace bertyard
