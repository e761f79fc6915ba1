// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/backend/device.h"

namespace bertyard {

enum class Transpose { no, yes };

// A row-major operand as it lies in memory; with Transpose::yes its transpose enters the product.
struct MatrixOperand {
  const float* data = nullptr;
  std::int64_t leading = 0;  // floats from one stored row to the next
  Transpose transpose = Transpose::no;
};

// y[m, n] = op(a)[m, k] op(b)[k, n] + beta y; beta is 0 or 1.
struct MatrixProduct {
  float* y = nullptr;
  std::int64_t leading = 0;
  MatrixOperand a, b;
  std::int64_t m = 0, n = 0, k = 0;
  float beta = 0;
};

// A library of single-precision matrix products on a number of threads fixed at creation.
class MatrixLibrary {
 public:
  virtual ~MatrixLibrary() = default;
  virtual void multiply(const MatrixProduct& product) = 0;
  virtual std::string name() const = 0;  // "OpenBLAS 0.3.21"
};

// Throws EnvironmentError where the loaded OpenBLAS is not the one that shares our OpenMP runtime.
std::unique_ptr<MatrixLibrary> make_openblas(int threads);
// Throws EnvironmentError where it is not usable.
std::unique_ptr<MatrixLibrary> make_onednn(int threads);
// Whether the build has oneDNN and the loaded one shares our OpenMP runtime.
bool onednn_usable();

// `automatic` is oneDNN where usable: on two Zen 4 cores it was 0 to 30% faster than OpenBLAS in
// every product of BERT, its head included.
std::unique_ptr<MatrixLibrary> make_matrix_library(MatrixLibraryChoice choice, int threads);

}  // namespace bertyard
