// SPDX-License-Identifier: Apache-2.0
#include "core/backend/cpu/matrix_product.h"

namespace bertyard {

// OpenBLAS unless oneDNN is asked for by name: dnnl_sgemm of oneDNN 2.6.3 on two threads corrupted
// its own heap in [160, 30522] x [30522, 256], the gradient of the MLM head's input, in one start of
// four (docs/decisions/0003-matrix-products.md).
std::unique_ptr<MatrixLibrary> make_matrix_library(MatrixLibraryChoice choice, int threads) {
  return choice == MatrixLibraryChoice::onednn ? make_onednn(threads) : make_openblas(threads);
}

}  // namespace bertyard
