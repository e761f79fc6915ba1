// SPDX-License-Identifier: Apache-2.0
#include "core/backend/cpu/narrow_products.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "core/backend/cpu/host_memory.h"
#include "core/base/error.h"

namespace bertyard {
namespace {

class NarrowProducts : public MatrixLibrary {
 public:
  NarrowProducts(std::unique_ptr<MatrixLibrary> library, const CastKernels& cast, int threads)
      : library_(std::move(library)), cast_(cast), threads_(threads) {
    if (!library_->computes(DType::bf16)) {
      throw EnvironmentError(
          fmt::format("products in bf16: expected a processor with instructions for them "
                      "(avx512_bf16) and oneDNN, found {}; multiply in fp32",
                      library_->name()));
    }
  }

  void multiply(const MatrixProduct& p) override {
    const bool narrows = p.second == SecondOperand::weight && p.a.dtype == DType::f32 &&
                         p.a.transpose == Transpose::no;
    if (!narrows) return library_->multiply(p);
    MatrixProduct narrow = p;
    narrow.a = {narrowed(p), p.k, Transpose::no, DType::bf16};
    library_->multiply(narrow);
  }

  void weights_changed() override { library_->weights_changed(); }
  bool computes(DType type) const override { return library_->computes(type); }
  std::size_t kept_bytes(const WorkspaceLimits& limits) const override {
    const std::int64_t rows = limits.tokens * std::max(limits.hidden, limits.intermediate);
    return library_->kept_bytes(limits) + static_cast<std::size_t>(rows) * size_of(DType::bf16);
  }
  std::string name() const override { return library_->name() + ", products in bf16"; }

 private:
  // The rows of the first operand, one after the other.
  const void* narrowed(const MatrixProduct& p) {
    const std::size_t bytes = static_cast<std::size_t>(p.m * p.k) * sizeof(BFloatBits);
    if (bytes > rows_.bytes()) {
      rows_ = {};
      rows_ = allocate_host_memory(bytes);
    }
    auto* to = static_cast<BFloatBits*>(rows_.data());
    const auto* from = static_cast<const float*>(p.a.data);
#pragma omp parallel for num_threads(threads_) schedule(static)
    for (std::int64_t r = 0; r < p.m; ++r) cast_.narrow(to + r * p.k, from + r * p.a.leading, p.k);
    return rows_.data();
  }

  std::unique_ptr<MatrixLibrary> library_;
  CastKernels cast_;
  int threads_;
  Buffer rows_;
};

}  // namespace

std::unique_ptr<MatrixLibrary> make_narrow_products(std::unique_ptr<MatrixLibrary> library,
                                                    const CastKernels& cast, int threads) {
  return std::make_unique<NarrowProducts>(std::move(library), cast, threads);
}

}  // namespace bertyard
