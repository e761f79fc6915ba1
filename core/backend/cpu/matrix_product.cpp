// SPDX-License-Identifier: Apache-2.0
#include "core/backend/cpu/matrix_product.h"

namespace bertyard {

std::unique_ptr<MatrixLibrary> make_matrix_library(MatrixLibraryChoice choice, int threads,
                                                   const PackKernels& pack) {
  const bool onednn = choice == MatrixLibraryChoice::onednn ||
                      (choice == MatrixLibraryChoice::automatic && onednn_usable());
  return onednn ? make_onednn(threads, pack) : make_openblas(threads);
}

}  // namespace bertyard
