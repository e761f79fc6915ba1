// SPDX-License-Identifier: Apache-2.0
#include "core/backend/activation.h"
#include "core/backend/cpu/kernels/bfloat.h"
#include "core/backend/cpu/kernels/instruction_set.h"
#include "core/backend/cpu/kernels/vector_math.h"

namespace bertyard::BERTYARD_ISA_NAMESPACE {
namespace {

constexpr float kSqrtTwoOverPi = 0.7978845608f;
constexpr float kCubic = 0.044715f;
constexpr float kSqrtHalf = 0.7071067812f;
constexpr float kInverseSqrtTwoPi = 0.3989422804f;

struct Identity {
  static float value(float x) { return x; }
  static float slope(float) { return 1.0f; }
};
struct Tanh {
  static float value(float x) { return fast_tanh(x); }
  static float slope(float x) {
    const float t = fast_tanh(x);
    return 1.0f - t * t;
  }
};
struct GeluTanh {
  static float value(float x) {
    return 0.5f * x * (1.0f + fast_tanh(kSqrtTwoOverPi * (x + kCubic * x * x * x)));
  }
  static float slope(float x) {
    const float t = fast_tanh(kSqrtTwoOverPi * (x + kCubic * x * x * x));
    const float du = kSqrtTwoOverPi * (1.0f + 3.0f * kCubic * x * x);
    return 0.5f * (1.0f + t) + 0.5f * x * (1.0f - t * t) * du;
  }
};
struct GeluErf {
  static float value(float x) { return 0.5f * x * (1.0f + fast_erf(x * kSqrtHalf)); }
  static float slope(float x) {
    return 0.5f * (1.0f + fast_erf(x * kSqrtHalf)) +
           x * kInverseSqrtTwoPi * fast_exp(-0.5f * x * x);
  }
};

template <typename Function, typename Element>
void apply(Element* y, const Element* x, std::int64_t n) {
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) store_narrow(y[i], Function::value(wide(x[i])));
}

template <typename Function, typename Element>
void apply_gradient(Element* dx, const Element* dy, const Element* pre, std::int64_t n) {
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) {
    store_narrow(dx[i], wide(dy[i]) * Function::slope(wide(pre[i])));
  }
}

template <typename Element>
void activation(Element* y, const Element* x, std::int64_t n, Activation activation) {
  switch (activation) {
    case Activation::identity:
      return x == y ? void() : apply<Identity>(y, x, n);
    case Activation::gelu_tanh:
      return apply<GeluTanh>(y, x, n);
    case Activation::gelu_erf:
      return apply<GeluErf>(y, x, n);
    case Activation::tanh:
      return apply<Tanh>(y, x, n);
  }
}

template <typename Element>
void activation_gradient(Element* dx, const Element* dy, const Element* pre, std::int64_t n,
                         Activation activation) {
  switch (activation) {
    case Activation::identity:
      return dx == dy ? void() : apply_gradient<Identity>(dx, dy, pre, n);
    case Activation::gelu_tanh:
      return apply_gradient<GeluTanh>(dx, dy, pre, n);
    case Activation::gelu_erf:
      return apply_gradient<GeluErf>(dx, dy, pre, n);
    case Activation::tanh:
      return apply_gradient<Tanh>(dx, dy, pre, n);
  }
}

// Blocks of 64 rows are summed apart and then added: the rounding error grows with the number of
// blocks, not of rows.
template <typename Element>
void add_rows(float* sum, const Element* x, std::int64_t rows, std::int64_t columns,
              std::int64_t stride) {
  constexpr std::int64_t kRows = 64;
  constexpr std::int64_t kColumns = 64;
  for (std::int64_t first = 0; first < columns; first += kColumns) {
    const std::int64_t count = columns - first < kColumns ? columns - first : kColumns;
    for (std::int64_t block = 0; block < rows; block += kRows) {
      float partial[kColumns] = {};
      const std::int64_t end = block + kRows < rows ? block + kRows : rows;
      for (std::int64_t r = block; r < end; ++r) {
        const Element* row = x + r * stride + first;
#pragma omp simd
        for (std::int64_t c = 0; c < count; ++c) partial[c] += wide(row[c]);
      }
      for (std::int64_t c = 0; c < count; ++c) sum[first + c] += partial[c];
    }
  }
}

void add(float* sum, const float* x, std::int64_t n) {
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) sum[i] += x[i];
}

}  // namespace

ActivationKernels activation_kernels() {
  return {activation<float>,
          activation<BFloatBits>,
          activation_gradient<float>,
          activation_gradient<BFloatBits>,
          add_rows<float>,
          add_rows<BFloatBits>,
          add};
}

}  // namespace bertyard::BERTYARD_ISA_NAMESPACE
