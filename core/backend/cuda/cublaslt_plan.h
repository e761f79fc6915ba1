// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <type_traits>
#include <utility>

#include <cublasLt.h>

#include "core/backend/cuda/device_matrices.h"

namespace bertyard {

// Owns one of cublasLt's objects.
template <typename Handle, cublasStatus_t (*destroy)(Handle)>
struct CublasLtDelete {
  using pointer = Handle;
  void operator()(Handle handle) const noexcept { static_cast<void>(destroy(handle)); }
};
template <typename Handle, cublasStatus_t (*destroy)(Handle)>
using CublasLtObject =
    std::unique_ptr<std::remove_pointer_t<Handle>, CublasLtDelete<Handle, destroy>>;
using CublasLtHandle = CublasLtObject<cublasLtHandle_t, cublasLtDestroy>;
using CublasLtProduct = CublasLtObject<cublasLtMatmulDesc_t, cublasLtMatmulDescDestroy>;
using CublasLtLayout = CublasLtObject<cublasLtMatrixLayout_t, cublasLtMatrixLayoutDestroy>;

CublasLtHandle make_cublaslt_handle();
std::string cublaslt_name();  // "cublasLt 13.1.0"

// A product as cublasLt describes it. Ours is row-major, its column-major: the transpose of y = a b
// is y^T = b^T a^T, so our b is its A, our a its B, and our n its number of rows.
class ProductDescriptors {
 public:
  ProductDescriptors(const DeviceProduct& product, FloatProducts floats);
  // Those of the epilogue, which cublasLt keeps in the description.
  void set_pointers(const DeviceProduct& product);

  cublasLtMatmulDesc_t product() const { return product_.get(); }
  cublasLtMatrixLayout_t a() const { return a_.get(); }
  cublasLtMatrixLayout_t b() const { return b_.get(); }
  cublasLtMatrixLayout_t y() const { return y_.get(); }

 private:
  void describe_epilogue(const DeviceProduct& product);
  template <typename T>
  void set(cublasLtMatmulDescAttributes_t attribute, const T& value);

  CublasLtProduct product_;
  CublasLtLayout a_, b_, y_;
};

}  // namespace bertyard
