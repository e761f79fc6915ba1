// SPDX-License-Identifier: Apache-2.0
#include "core/backend/cpu/kernels/instruction_set.h"
#include "core/backend/cpu/kernels/vector_math.h"

namespace bertyard::BERTYARD_ISA_NAMESPACE {
namespace {

// Sums run in float over blocks of this many, in double across blocks: a vocabulary of 30,000
// summed in float alone would lose three digits.
constexpr std::int64_t kBlock = 256;

float row_maximum(const float* x, std::int64_t n) {
  float result = x[0];
#pragma omp simd reduction(max : result)
  for (std::int64_t i = 0; i < n; ++i) result = x[i] > result ? x[i] : result;
  return result;
}

template <typename Term>
double blocked_sum(std::int64_t n, Term term) {
  double total = 0;
  for (std::int64_t start = 0; start < n; start += kBlock) {
    const std::int64_t end = start + kBlock < n ? start + kBlock : n;
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (std::int64_t i = start; i < end; ++i) sum += term(i);
    total += static_cast<double>(sum);
  }
  return total;
}

double sum_exp(const float* x, std::int64_t n, float maximum) {
  return blocked_sum(n, [=](std::int64_t i) { return fast_exp(x[i] - maximum); });
}

void scaled_exp(float* x, std::int64_t n, float maximum, float factor) {
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) x[i] = fast_exp(x[i] - maximum) * factor;
}

void soft_gradient(float* x, const float* target, std::int64_t n, float maximum, float factor,
                   float scale) {
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) {
    x[i] = fast_exp(x[i] - maximum) * factor - target[i] * scale;
  }
}

double dot(const float* a, const float* b, std::int64_t n) {
  return blocked_sum(n, [=](std::int64_t i) { return a[i] * b[i]; });
}

double sum(const float* x, std::int64_t n) {
  return blocked_sum(n, [=](std::int64_t i) { return x[i]; });
}

double sum_exp_at(const float* x, std::int64_t n, float maximum, float a) {
  return blocked_sum(n, [=](std::int64_t i) { return fast_exp(a * (x[i] - maximum)); });
}

double exp_difference(const DistillationRow& row, std::int64_t n) {
  const float* x = row.x;
  const float* t = row.t;
  const float a = row.a, maximum_x = row.maximum_x, maximum_t = row.maximum_t;
  return blocked_sum(n, [=](std::int64_t i) {
    const float above = t[i] - maximum_t;
    return fast_exp(a * above) * (a * (above - (x[i] - maximum_x)));
  });
}

void distillation_gradient(const DistillationRow& row, std::int64_t n) {
  float* x = row.x;
  const float* t = row.t;
  const float a = row.a, maximum_x = row.maximum_x, maximum_t = row.maximum_t;
  const float hard = row.hard, student = row.student, teacher = row.teacher;
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) {
    const float above = x[i] - maximum_x;
    x[i] = fast_exp(above) * hard + fast_exp(a * above) * student -
           fast_exp(a * (t[i] - maximum_t)) * teacher;
  }
}

}  // namespace

CrossEntropyKernels cross_entropy_kernels() {
  return {row_maximum, sum_exp,    scaled_exp,     soft_gradient,        dot,
          sum,         sum_exp_at, exp_difference, distillation_gradient};
}

}  // namespace bertyard::BERTYARD_ISA_NAMESPACE
