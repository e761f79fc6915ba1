// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "core/backend/device.h"
#include "core/backend/workspace_limits.h"
#include "core/tensor/dtype.h"

namespace bertyard {

struct PackKernels;

enum class Transpose { no, yes };

// A row-major operand as it lies in memory, f32 or bf16; with Transpose::yes its transpose enters
// the product.
struct MatrixOperand {
  const void* data = nullptr;
  std::int64_t leading = 0;  // elements from one stored row to the next
  Transpose transpose = Transpose::no;
  DType dtype = DType::f32;
};

// Whether the second operand keeps its values until weights_changed(). Of such a one a library may
// keep a copy in a layout and a type of its own, made at its first use.
enum class SecondOperand { changes, weight };

// y[m, n] = op(a)[m, k] op(b)[k, n] + bias + beta y; beta is 0 or 1, sums are f32. Types: all f32;
// or a bf16, b bf16 or an f32 weight (rounded to bf16), y bf16 or f32.
struct MatrixProduct {
  void* y = nullptr;
  std::int64_t leading = 0;
  MatrixOperand a, b;
  std::int64_t m = 0, n = 0, k = 0;
  float beta = 0;
  const float* bias = nullptr;  // [n], added to every row; only with beta 0
  SecondOperand second = SecondOperand::changes;
  DType y_dtype = DType::f32;
};

// A library of matrix products on a number of threads fixed at creation. Memory for what it keeps
// is taken when a shape or a weight is first met.
class MatrixLibrary {
 public:
  virtual ~MatrixLibrary() = default;
  virtual void multiply(const MatrixProduct& product) = 0;
  // Weights have other values now.
  virtual void weights_changed() {}
  // Whether `type` is fast here: f32 always; bf16 where the processor has the instructions.
  virtual bool computes(DType type) const { return type == DType::f32; }
  // Bytes that copies of operands take at these limits.
  virtual std::size_t kept_bytes(const WorkspaceLimits& /*limits*/) const { return 0; }
  virtual std::string name() const = 0;  // "OpenBLAS 0.3.21"
};

// Throws EnvironmentError where the loaded OpenBLAS is not the one that shares our OpenMP runtime.
std::unique_ptr<MatrixLibrary> make_openblas(int threads);
// Throws EnvironmentError where it is not usable.
std::unique_ptr<MatrixLibrary> make_onednn(int threads, const PackKernels& pack);
// Whether the build has oneDNN and the loaded one shares our OpenMP runtime.
bool onednn_usable();

// `automatic` is oneDNN where usable.
std::unique_ptr<MatrixLibrary> make_matrix_library(MatrixLibraryChoice choice, int threads,
                                                   const PackKernels& pack);

}  // namespace bertyard
