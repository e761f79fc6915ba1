// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include <cuda_runtime_api.h>

#include "core/tensor/tensor_view.h"

namespace bertyard {

enum class Transposed { no, yes };

// A row-major operand as it lies in memory, `leading` elements from one stored row to the next;
// with Transposed::yes its transpose enters the product.
struct DeviceOperand {
  const void* data = nullptr;
  std::int64_t leading = 0;
  Transposed transposed = Transposed::no;
};

// What a library may do in the same pass.
enum class ProductEpilogue {
  none,
  bias,                // + bias [n]
  bias_gelu_tanh,      // pre = product + bias, y = gelu_tanh(pre)
  gelu_tanh_gradient,  // y = product * gelu_tanh'(pre)
  row_sums,            // sums[m] = sum over k of op(a), beside the product
};

// y[m, n] = epilogue(op(a)[m, k] op(b)[k, n] + beta y), summed in f32. a, b, bias and pre are of
// `type`, y of y_type: the same or f32.
struct DeviceProduct {
  void* y = nullptr;
  std::int64_t leading = 0;
  DeviceOperand a = {}, b = {};
  std::int64_t m = 0, n = 0, k = 0;
  DType type = DType::f32, y_type = DType::f32;
  float beta = 0;  // 0 or 1
  ProductEpilogue epilogue = ProductEpilogue::none;
  const void* bias = nullptr;  // [n]
  void* pre = nullptr;         // [m, n], rows n apart; written or read
  float* sums = nullptr;       // [m]
};

// Bytes; more than that no library asks for.
inline constexpr std::uint32_t kBestAlignment = 256;

// Matrix products on a GPU, on one stream.
class DeviceMatrices {
 public:
  virtual ~DeviceMatrices() = default;
  virtual std::string name() const = 0;
  // Memory that products may use, at a multiple of kBestAlignment; must outlive them.
  virtual std::size_t workspace_bytes() const = 0;
  virtual void use_workspace(TensorView bytes) = 0;

  // Whether multiply() takes this product with its epilogue; always with `none` and `bias`.
  virtual bool takes(const DeviceProduct& product) = 0;
  virtual void multiply(const DeviceProduct& product) = 0;

  // See Device::kernel_choices().
  virtual std::string choices() const = 0;
  virtual bool use_choices(const std::string& text) = 0;
};

enum class FloatProducts { f32, tf32 };
std::unique_ptr<DeviceMatrices> make_device_matrices(FloatProducts floats, cudaStream_t stream);

}  // namespace bertyard
