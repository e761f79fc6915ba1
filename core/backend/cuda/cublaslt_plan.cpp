// SPDX-License-Identifier: Apache-2.0
#include "core/backend/cuda/cublaslt_plan.h"

#include <cstdint>

#include <fmt/format.h>

#include "core/backend/cuda/cublas_error.h"
#include "core/base/error.h"

namespace bertyard {
namespace {

cudaDataType_t data_type(DType type) {
  switch (type) {
    case DType::f32:
      return CUDA_R_32F;
    case DType::bf16:
      return CUDA_R_16BF;
    case DType::f16:
      return CUDA_R_16F;
    default:
      throw Error(fmt::format("cublasLt: products of {} are not needed", name_of(type)));
  }
}

cublasLtEpilogue_t epilogue_of(ProductEpilogue epilogue) {
  switch (epilogue) {
    case ProductEpilogue::none:
      return CUBLASLT_EPILOGUE_DEFAULT;
    case ProductEpilogue::bias:
      return CUBLASLT_EPILOGUE_BIAS;
    case ProductEpilogue::bias_gelu_tanh:
      return CUBLASLT_EPILOGUE_GELU_AUX_BIAS;
    case ProductEpilogue::gelu_tanh_gradient:
      return CUBLASLT_EPILOGUE_DGELU;
    case ProductEpilogue::row_sums:
      return CUBLASLT_EPILOGUE_BGRADB;
  }
  return CUBLASLT_EPILOGUE_DEFAULT;
}

// A stored row-major matrix of `rows` is column-major with `rows` columns.
CublasLtLayout layout(DType type, std::int64_t row_elements, std::int64_t rows,
                      std::int64_t leading) {
  cublasLtMatrixLayout_t made = nullptr;
  BERTYARD_CHECK_CUBLAS(cublasLtMatrixLayoutCreate(&made, data_type(type),
                                                   static_cast<std::uint64_t>(row_elements),
                                                   static_cast<std::uint64_t>(rows), leading));
  return CublasLtLayout(made);
}

// `rows` and `columns` of the operand as it enters the product.
CublasLtLayout layout(const DeviceOperand& operand, DType type, std::int64_t rows,
                      std::int64_t columns) {
  const bool turned = operand.transposed == Transposed::yes;
  return layout(type, turned ? rows : columns, turned ? columns : rows, operand.leading);
}

cublasOperation_t operation(const DeviceOperand& operand) {
  return operand.transposed == Transposed::yes ? CUBLAS_OP_T : CUBLAS_OP_N;
}

}  // namespace

void check_cublas(cublasStatus_t code, const char* what, const char* file, int line) {
  if (code == CUBLAS_STATUS_SUCCESS) return;
  throw EnvironmentError(fmt::format("cublasLt: {}: {} ({}) at {}:{}", what,
                                     cublasLtGetStatusString(code), cublasLtGetStatusName(code),
                                     file, line));
}

CublasLtHandle make_cublaslt_handle() {
  cublasLtHandle_t made = nullptr;
  BERTYARD_CHECK_CUBLAS(cublasLtCreate(&made));
  return CublasLtHandle(made);
}

std::string cublaslt_name() {
  const std::size_t version = cublasLtGetVersion();
  return fmt::format("cublasLt {}.{}.{}", version / 10000, version / 100 % 100, version % 100);
}

template <typename T>
void ProductDescriptors::set(cublasLtMatmulDescAttributes_t attribute, const T& value) {
  BERTYARD_CHECK_CUBLAS(
      cublasLtMatmulDescSetAttribute(product_.get(), attribute, &value, sizeof value));
}

ProductDescriptors::ProductDescriptors(const DeviceProduct& product, FloatProducts floats)
    : a_(layout(product.a, product.type, product.m, product.k)),
      b_(layout(product.b, product.type, product.k, product.n)),
      y_(layout(product.y_type, product.n, product.m, product.leading)) {
  const bool tf32 = product.type == DType::f32 && floats == FloatProducts::tf32;
  cublasLtMatmulDesc_t made = nullptr;
  BERTYARD_CHECK_CUBLAS(cublasLtMatmulDescCreate(
      &made, tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F, CUDA_R_32F));
  product_.reset(made);
  set(CUBLASLT_MATMUL_DESC_TRANSA, operation(product.b));
  set(CUBLASLT_MATMUL_DESC_TRANSB, operation(product.a));
  describe_epilogue(product);
}

void ProductDescriptors::describe_epilogue(const DeviceProduct& product) {
  set(CUBLASLT_MATMUL_DESC_EPILOGUE, epilogue_of(product.epilogue));
  if (product.epilogue == ProductEpilogue::bias_gelu_tanh ||
      product.epilogue == ProductEpilogue::gelu_tanh_gradient) {
    set(CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD, product.n);  // of the result's type by default
  }
  if (product.epilogue == ProductEpilogue::row_sums) {
    set(CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, CUDA_R_32F);
  } else if (product.epilogue == ProductEpilogue::bias ||
             product.epilogue == ProductEpilogue::bias_gelu_tanh) {
    set(CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, data_type(product.type));
  }
}

void ProductDescriptors::set_pointers(const DeviceProduct& product) {
  if (product.pre != nullptr) set(CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER, product.pre);
  const void* bias = product.epilogue == ProductEpilogue::row_sums
                         ? static_cast<const void*>(product.sums)
                         : product.bias;
  if (bias != nullptr) set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias);
}

}  // namespace bertyard
