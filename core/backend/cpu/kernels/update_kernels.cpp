// SPDX-License-Identifier: Apache-2.0
#include "core/backend/cpu/kernels/instruction_set.h"

namespace bertyard::BERTYARD_ISA_NAMESPACE {
namespace {

// m and v, bias-corrected, as a step: m c1 / (sqrt(v c2) + eps).
inline float moment_step(const UpdateRow& row, std::int64_t i) {
  const float g = row.gradients[i] * row.gradient_scale;
  const float m = row.beta1 * row.first[i] + row.complement1 * g;
  const float v = row.beta2 * row.second[i] + row.complement2 * g * g;
  row.first[i] = m;
  row.second[i] = v;
  return m * row.correction1 / (__builtin_sqrtf(v * row.correction2) + row.epsilon);
}

void adam(const UpdateRow& given, std::int64_t n) {
  const UpdateRow row = given;
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) {
    const float p = row.parameters[i];
    row.parameters[i] = p - row.learning_rate * (moment_step(row, i) + row.decay * p);
  }
}

void sgd(const UpdateRow& given, std::int64_t n) {
  const UpdateRow row = given;
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) {
    const float p = row.parameters[i];
    const float m =
        row.beta1 * row.first[i] + row.gradients[i] * row.gradient_scale + row.decay * p;
    row.first[i] = m;
    row.parameters[i] = p - row.learning_rate * m;
  }
}

void lamb(const UpdateRow& given, std::int64_t n) {
  const UpdateRow row = given;
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) {
    row.gradients[i] = moment_step(row, i) + row.decay * row.parameters[i];
  }
}

void subtract(float* p, const float* u, std::int64_t n, float factor) {
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) p[i] -= factor * u[i];
}

double sum_of_squares(const float* x, std::int64_t n) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (std::int64_t i = 0; i < n; ++i) {
    const auto value = static_cast<double>(x[i]);
    sum += value * value;
  }
  return sum;
}

// A float is finite where its exponent is not all ones.
bool all_finite(const float* x, std::int64_t n) {
  std::uint32_t bad = 0;
#pragma omp simd reduction(| : bad)
  for (std::int64_t i = 0; i < n; ++i) {
    const auto bits = __builtin_bit_cast(std::uint32_t, x[i]);
    bad |= (bits & 0x7F800000u) == 0x7F800000u ? 1u : 0u;
  }
  return bad == 0;
}

}  // namespace

UpdateKernels update_kernels() {
  return {adam, sgd, lamb, subtract, sum_of_squares, all_finite};
}

}  // namespace bertyard::BERTYARD_ISA_NAMESPACE
