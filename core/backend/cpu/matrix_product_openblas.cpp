// SPDX-License-Identifier: Apache-2.0
#include <cstring>
#include <sstream>
#include <string>

#include <cblas.h>
#include <fmt/format.h>
#include <omp.h>

#include "core/backend/cpu/matrix_product.h"
#include "core/base/error.h"

namespace bertyard {
namespace {

// "OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH ..." -> "OpenBLAS 0.3.21 for SkylakeX": it chooses its
// kernels by the processor, or by OPENBLAS_CORETYPE; they decide bits.
std::string library_name() {
  std::istringstream words{openblas_get_config()};
  std::string library;
  std::string version;
  words >> library >> version;
  return library + " " + version + " for " + openblas_get_corename();
}

int blas_size(std::int64_t size) {
  if (size > INT32_MAX) {
    throw Error(
        fmt::format("matrix product: OpenBLAS takes sizes up to 2147483647, found {}; use "
                    "smaller micro-batches",
                    size));
  }
  return static_cast<int>(size);
}

CBLAS_TRANSPOSE blas_transpose(Transpose transpose) {
  return transpose == Transpose::yes ? CblasTrans : CblasNoTrans;
}

class OpenBlas : public MatrixLibrary {
 public:
  explicit OpenBlas(int threads) : threads_(threads) {
    constexpr int kOpenMp = 2;
    if (openblas_get_parallel() != kOpenMp) {
      throw EnvironmentError(fmt::format(
          "matrix products: expected OpenBLAS's OpenMP flavour, the process loaded another one "
          "({}); its threads would fight ours for the cores. Install libopenblas0-openmp and put "
          "its directory first in LD_LIBRARY_PATH",
          openblas_get_config()));
    }
  }

  void multiply(const MatrixProduct& p) override {
    if (p.a.dtype != DType::f32 || p.b.dtype != DType::f32 || p.y_dtype != DType::f32) {
      throw Error("matrix product: OpenBLAS computes in f32 only; set the precision to fp32");
    }
    if (omp_get_max_threads() != threads_) omp_set_num_threads(threads_);
    if (p.bias != nullptr) write_bias(p);
    cblas_sgemm(CblasRowMajor, blas_transpose(p.a.transpose), blas_transpose(p.b.transpose),
                blas_size(p.m), blas_size(p.n), blas_size(p.k), 1.0f,
                static_cast<const float*>(p.a.data), blas_size(p.a.leading),
                static_cast<const float*>(p.b.data), blas_size(p.b.leading),
                p.bias != nullptr ? 1.0f : p.beta, static_cast<float*>(p.y), blas_size(p.leading));
  }

  std::string name() const override { return library_name(); }

 private:
  // Every row of y, for the product to be added to.
  void write_bias(const MatrixProduct& p) const {
#pragma omp parallel for num_threads(threads_) schedule(static)
    for (std::int64_t r = 0; r < p.m; ++r) {
      std::memcpy(static_cast<float*>(p.y) + r * p.leading, p.bias,
                  static_cast<std::size_t>(p.n) * sizeof(float));
    }
  }

  int threads_;
};

}  // namespace

std::unique_ptr<MatrixLibrary> make_openblas(int threads) {
  return std::make_unique<OpenBlas>(threads);
}

}  // namespace bertyard
