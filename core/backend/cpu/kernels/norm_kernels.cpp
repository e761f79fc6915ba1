// SPDX-License-Identifier: Apache-2.0
#include "core/backend/cpu/kernels/instruction_set.h"
#include "core/backend/cpu/kernels/philox_rows.h"

namespace bertyard::BERTYARD_ISA_NAMESPACE {
namespace {

constexpr std::int64_t kSegment = 512;  // channels whose dropout factors are held at once

void add_residual(float* z, const float* x, const float* residual, std::int64_t n) {
  if (residual == nullptr) {
#pragma omp simd
    for (std::int64_t i = 0; i < n; ++i) z[i] = x[i];
    return;
  }
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) z[i] = x[i] + residual[i];
}

void dropout_add(float* z, const float* x, const float* residual, std::int64_t n,
                 const DropoutRow& dropout) {
  if (dropout.threshold == 0) return add_residual(z, x, residual, n);
  float factor[kSegment];
  for (std::int64_t start = 0; start < n; start += kSegment) {
    const std::int64_t count = n - start < kSegment ? n - start : kSegment;
    dropout_factors(factor, dropout, start, count);
    float* out = z + start;
    const float* in = x + start;
    if (residual == nullptr) {
#pragma omp simd
      for (std::int64_t i = 0; i < count; ++i) out[i] = in[i] * factor[i];
    } else {
      const float* added = residual + start;
#pragma omp simd
      for (std::int64_t i = 0; i < count; ++i) out[i] = in[i] * factor[i] + added[i];
    }
  }
}

void add_three(float* z, const float* a, const float* b, const float* c, std::int64_t n) {
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) z[i] = a[i] + b[i] + c[i];
}

// Two passes: the variance of one pass, mean(z^2) - mean^2, cancels where the mean is large. The
// second also measures what rounding left in the mean (Chan et al. 1983, the corrected two-pass
// algorithm), so that nothing depends on how the first sum was rounded.
float normalise(float* y, float* z, const float* gamma, const float* beta, std::int64_t n,
                float epsilon) {
  const auto count = static_cast<float>(n);
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (std::int64_t i = 0; i < n; ++i) sum += z[i];
  const float mean = sum / count;
  float rest = 0;
  float squares = 0;
#pragma omp simd reduction(+ : rest, squares)
  for (std::int64_t i = 0; i < n; ++i) {
    const float centred = z[i] - mean;
    rest += centred;
    squares += centred * centred;
  }
  const float correction = rest / count;
  const float variance = squares / count - correction * correction;
  const float bounded = variance < 0 ? 0 : variance;  // a NaN stays one
  const float rstd = 1.0f / __builtin_sqrtf(bounded + epsilon);
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) {
    const float normalised = (z[i] - mean - correction) * rstd;
    z[i] = normalised;
    y[i] = normalised * gamma[i] + beta[i];
  }
  return rstd;
}

// dz = rstd (g - mean g - normalised mean(g normalised)) with g = dy gamma, for `count` channels.
void norm_gradient_segment(const NormGradientRow& row, std::int64_t start, std::int64_t count,
                           float mean_g, float mean_gn, const float* factor) {
  const float* dy = row.dy + start;
  const float* normalised = row.normalised + start;
  const float* gamma = row.gamma + start;
  float* dx = row.dx + start;
  float* dresidual = row.dresidual == nullptr ? nullptr : row.dresidual + start;
  const float rstd = row.rstd;
  if (dresidual == nullptr) {
#pragma omp simd
    for (std::int64_t i = 0; i < count; ++i) {
      dx[i] = rstd * (dy[i] * gamma[i] - mean_g - normalised[i] * mean_gn) * factor[i];
    }
    return;
  }
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) {
    const float dz = rstd * (dy[i] * gamma[i] - mean_g - normalised[i] * mean_gn);
    dresidual[i] = dz;
    dx[i] = dz * factor[i];
  }
}

void norm_gradient(const NormGradientRow& row, std::int64_t n, const DropoutRow& dropout) {
  float sum_g = 0;
  float sum_gn = 0;
#pragma omp simd reduction(+ : sum_g, sum_gn)
  for (std::int64_t i = 0; i < n; ++i) {
    const float g = row.dy[i] * row.gamma[i];
    sum_g += g;
    sum_gn += g * row.normalised[i];
    row.dgamma[i] += row.dy[i] * row.normalised[i];
    row.dbeta[i] += row.dy[i];
  }
  const float mean_g = sum_g / static_cast<float>(n);
  const float mean_gn = sum_gn / static_cast<float>(n);
  float factor[kSegment];
  if (dropout.threshold == 0) {
    for (float& f : factor) f = 1.0f;
  }
  for (std::int64_t start = 0; start < n; start += kSegment) {
    const std::int64_t count = n - start < kSegment ? n - start : kSegment;
    if (dropout.threshold != 0) dropout_factors(factor, dropout, start, count);
    norm_gradient_segment(row, start, count, mean_g, mean_gn, factor);
  }
}

}  // namespace

NormKernels norm_kernels() {
  return {dropout_add, add_three, normalise, norm_gradient};
}

}  // namespace bertyard::BERTYARD_ISA_NAMESPACE
