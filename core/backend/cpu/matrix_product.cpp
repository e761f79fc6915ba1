// SPDX-License-Identifier: Apache-2.0
#include "core/backend/cpu/matrix_product.h"

namespace bertyard {

// OpenBLAS unless oneDNN is asked for by name: with dnnl_sgemm of oneDNN 2.6.3 the heap was found
// corrupted in one stopped run of four (docs/decisions/0003-matrix-products.md).
std::unique_ptr<MatrixLibrary> make_matrix_library(MatrixLibraryChoice choice, int threads) {
  return choice == MatrixLibraryChoice::onednn ? make_onednn(threads) : make_openblas(threads);
}

}  // namespace bertyard
