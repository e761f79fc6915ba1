// SPDX-License-Identifier: Apache-2.0
// oneDNN by its BLAS-like entry, which versions 2 and 3 share, and not by its matmul primitive: a
// packed batch has another number of rows every time, and a primitive is compiled for each shape.
// The entry runs the same generated code as a primitive with sizes given at run time, needs no
// cache and was as fast as packed weights (docs/performance.md).
#include <fmt/format.h>
#include <omp.h>
#include <oneapi/dnnl/dnnl.h>

#include "core/backend/cpu/matrix_product.h"
#include "core/base/error.h"

namespace bertyard {
namespace {

char letter(Transpose transpose) {
  return transpose == Transpose::yes ? 'T' : 'N';
}

class OneDnn : public MatrixLibrary {
 public:
  explicit OneDnn(int threads) : threads_(threads) {
    if (!onednn_usable()) {
      throw EnvironmentError(
          "matrix products: expected a oneDNN that runs on OpenMP, the process loaded one with "
          "another runtime; its threads would fight ours for the cores. Install libdnnl2, or set "
          "the matrix library to openblas");
    }
  }

  void multiply(const MatrixProduct& p) override {
    if (omp_get_max_threads() != threads_) omp_set_num_threads(threads_);
    const dnnl_status_t status =
        dnnl_sgemm(letter(p.a.transpose), letter(p.b.transpose), p.m, p.n, p.k, 1.0f, p.a.data,
                   p.a.leading, p.b.data, p.b.leading, p.beta, p.y, p.leading);
    if (status != dnnl_success) {
      throw Error(fmt::format("matrix product: oneDNN refused [{}, {}] x [{}, {}] with status {}",
                              p.m, p.k, p.k, p.n, static_cast<int>(status)));
    }
  }

  std::string name() const override {
    const dnnl_version_t* version = dnnl_version();
    return fmt::format("oneDNN {}.{}.{}", version->major, version->minor, version->patch);
  }

 private:
  int threads_;
};

}  // namespace

bool onednn_usable() {
  return dnnl_version()->cpu_runtime == DNNL_RUNTIME_OMP;
}

std::unique_ptr<MatrixLibrary> make_onednn(int threads) {
  return std::make_unique<OneDnn>(threads);
}

}  // namespace bertyard
