// SPDX-License-Identifier: Apache-2.0
// Matrix products of the emulated GPU: loops in place of cublasLt, with its epilogues and its
// conditions on alignment.
#include <mutex>
#include <random>

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include "core/backend/cuda/matrix_choices.h"
#include "core/backend/row_math.h"
#include "tests/support/cuda_emulation/streams.h"

namespace bertyard {
namespace {

float read(const void* data, DType type, std::int64_t index) {
  switch (type) {
    case DType::bf16:
      return __bfloat162float(static_cast<const __nv_bfloat16*>(data)[index]);
    case DType::f16:
      return __half2float(static_cast<const __half*>(data)[index]);
    default:
      return static_cast<const float*>(data)[index];
  }
}

void write(void* data, DType type, std::int64_t index, float value) {
  switch (type) {
    case DType::bf16:
      static_cast<__nv_bfloat16*>(data)[index] = __float2bfloat16_rn(value);
      return;
    case DType::f16:
      static_cast<__half*>(data)[index] = __float2half_rn(value);
      return;
    default:
      static_cast<float*>(data)[index] = value;
  }
}

float element(const DeviceOperand& operand, DType type, std::int64_t row, std::int64_t column) {
  const bool turned = operand.transposed == Transposed::yes;
  return read(operand.data, type,
              turned ? column * operand.leading + row : row * operand.leading + column);
}

float finished(const DeviceProduct& p, std::int64_t row, std::int64_t column, float sum) {
  const std::int64_t at = row * p.n + column;
  switch (p.epilogue) {
    case ProductEpilogue::bias:
      return sum + read(p.bias, p.type, column);
    case ProductEpilogue::bias_gelu_tanh:
      sum += read(p.bias, p.type, column);
      write(p.pre, p.type, at, sum);
      return activated(Activation::gelu_tanh, sum);
    case ProductEpilogue::gelu_tanh_gradient:
      return sum * activation_gradient_at(Activation::gelu_tanh, read(p.pre, p.type, at));
    default:
      return sum;
  }
}

void compute(const DeviceProduct& p) {
  for (std::int64_t row = 0; row < p.m; ++row) {
    for (std::int64_t column = 0; column < p.n; ++column) {
      const std::int64_t at = row * p.leading + column;
      float sum = 0;
      for (std::int64_t i = 0; i < p.k; ++i) {
        sum += element(p.a, p.type, row, i) * element(p.b, p.type, i, column);
      }
      if (p.beta != 0) sum += read(p.y, p.y_type, at);
      write(p.y, p.y_type, at, finished(p, row, column, sum));
    }
    if (p.epilogue != ProductEpilogue::row_sums) continue;
    p.sums[row] = 0;
    for (std::int64_t i = 0; i < p.k; ++i) p.sums[row] += element(p.a, p.type, row, i);
  }
}

// Another "algorithm" for every product of every object, so that who shares choices can be seen.
MatrixChoice search() {
  static std::random_device random;
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  return {{random(), random()}};
}

class PlainMatrices : public DeviceMatrices {
 public:
  explicit PlainMatrices(cudaStream_t stream) : stream_(stream) {}
  std::string name() const override { return "plain loops"; }
  std::size_t workspace_bytes() const override { return 0; }
  void use_workspace(TensorView /*bytes*/) override {}
  bool takes(const DeviceProduct& product) override {
    const bool plain =
        product.epilogue == ProductEpilogue::none || product.epilogue == ProductEpilogue::bias;
    return plain || (product.leading % 8 == 0 && product.n % 8 == 0);
  }
  void multiply(const DeviceProduct& product) override {
    const auto [place, is_new] = chosen_.try_emplace(product_key(product));
    if (is_new) place->second = search();
    emulation::enqueue(stream_, [product] { compute(product); });
  }
  std::string choices() const override { return write_choices(choices_header(name()), chosen_); }
  bool use_choices(const std::string& text) override {
    std::optional<MatrixChoices> read = read_choices(choices_header(name()), text);
    if (!read) return false;
    chosen_ = std::move(*read);
    return true;
  }

 private:
  cudaStream_t stream_;
  MatrixChoices chosen_;
};

}  // namespace

std::unique_ptr<DeviceMatrices> make_device_matrices(FloatProducts /*floats*/,
                                                     cudaStream_t stream) {
  return std::make_unique<PlainMatrices>(stream);
}

}  // namespace bertyard
