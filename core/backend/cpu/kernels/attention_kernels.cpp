// SPDX-License-Identifier: Apache-2.0
#include "core/backend/cpu/kernels/attention_block.h"

namespace bertyard::BERTYARD_ISA_NAMESPACE {
namespace {

// x becomes softmax(x + bias) over the first `visible` of `columns`, 0 beyond. Returns log sum exp,
// and +inf where nothing is visible: exp(x - inf) is then 0 in the backward.
float softmax_row(float* x, const float* bias, std::int64_t visible, std::int64_t columns) {
  float largest = -kInfinity;
  float largest_bias = -kInfinity;
#pragma omp simd reduction(max : largest, largest_bias)
  for (std::int64_t j = 0; j < visible; ++j) {
    const float biased = x[j] + bias[j];
    largest = biased > largest ? biased : largest;
    largest_bias = bias[j] > largest_bias ? bias[j] : largest_bias;
  }
  for (std::int64_t j = visible; j < columns; ++j) x[j] = 0.0f;
  if (largest_bias == -kInfinity) {
    for (std::int64_t j = 0; j < visible; ++j) x[j] = 0.0f;
    return kInfinity;
  }
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (std::int64_t j = 0; j < visible; ++j) {
    const float e = fast_exp(x[j] + bias[j] - largest);
    x[j] = e;
    sum += e;
  }
  const float inverse = 1.0f / sum;
#pragma omp simd
  for (std::int64_t j = 0; j < visible; ++j) x[j] *= inverse;
  return largest + __builtin_logf(sum);
}

template <typename Element>
void forward_block(const AttentionHead<Element>& head, float* scores, const float* bias,
                   float* factor, std::int64_t first, std::int64_t rows) {
  const std::int64_t columns = padded(head.length);
  for (std::int64_t r = 0; r < rows; ++r) {
    const std::int64_t query = first + r;
    float* row = scores + r * columns;
    if (head.scores != nullptr) {
      for (std::int64_t j = 0; j < head.length; ++j) {
        head.scores[query * head.length + j] = row[j];
      }
    }
    const float log_sum = softmax_row(row, bias, visible_keys(head, query), columns);
    if (head.log_sum != nullptr) head.log_sum[query * head.log_sum_stride] = log_sum;
    if (head.sample == nullptr) continue;
    query_factors(factor, head, query);
#pragma omp simd
    for (std::int64_t j = 0; j < columns; ++j) row[j] *= factor[j];
  }
}

template <typename Element>
void forward(const AttentionHead<Element>& head) {
  const std::int64_t length = head.length;
  const std::int64_t columns = padded(length);
  const std::int64_t width = head.head_size;
  Scratch scratch{head.scratch};
  float* k_transposed = scratch.take(width * columns);
  float* v = scratch.take(length * width);
  float* scores = scratch.take(kQueryBlock * columns);
  float* block = scratch.take(kQueryBlock * width);  // of q, then of y
  float* bias = scratch.take(columns);
  float* factor = scratch.take(columns);
  pack_transposed(k_transposed, head.k, length, width, head.stride);
  pack_rows(v, head.v, length, width, head.stride);
  key_bias(bias, head);
  for (std::int64_t first = 0; first < length; first += kQueryBlock) {
    const std::int64_t rows = length - first < kQueryBlock ? length - first : kQueryBlock;
    pack_rows(block, head.q + first * head.stride, rows, width, head.stride);
    score_block(scores, block, k_transposed, rows, length, width);
    forward_block(head, scores, bias, factor, first, rows);
    product({block, width, scores, columns, 1, v, width, rows, width, length});
    unpack_rows(head.y + first * head.output_stride, block, rows, width, head.output_stride);
  }
}

struct BackwardScratch {
  float *k_transposed, *v_transposed, *k, *dk, *dv;
  float *scores, *dprobability, *q, *dy, *dq, *bias, *factor;
};

BackwardScratch backward_scratch(float* memory, std::int64_t length, std::int64_t width) {
  const std::int64_t columns = padded(length);
  Scratch s{memory};
  return {s.take(width * columns),
          s.take(width * columns),
          s.take(length * width),
          s.take(length * width),
          s.take(length * width),
          s.take(kQueryBlock * columns),
          s.take(kQueryBlock * columns),
          s.take(kQueryBlock * width),
          s.take(kQueryBlock * width),
          s.take(kQueryBlock * width),
          s.take(columns),
          s.take(columns)};
}

// One query: scores become P R, dprobability becomes (dS + dscores) / sqrt(D), with
// dS = P (dP R - sum(dy y)).
template <typename Element>
void backward_row(const AttentionHead<Element>& head, const BackwardScratch& s, std::int64_t query,
                  std::int64_t row) {
  const std::int64_t columns = padded(head.length);
  const Element* y = head.saved_y + query * head.output_stride;
  const float* dy = s.dy + row * head.head_size;
  float delta = 0;
#pragma omp simd reduction(+ : delta)
  for (std::int64_t d = 0; d < head.head_size; ++d) delta += dy[d] * wide(y[d]);
  if (head.sample != nullptr) query_factors(s.factor, head, query);
  const float log_sum = head.saved_log_sum[query * head.log_sum_stride];
  const float scale = 1.0f / __builtin_sqrtf(static_cast<float>(head.head_size));
  const std::int64_t visible = visible_keys(head, query);
  float* p = s.scores + row * columns;
  float* dp = s.dprobability + row * columns;
#pragma omp simd
  for (std::int64_t j = 0; j < visible; ++j) {
    const float probability = fast_exp(p[j] + s.bias[j] - log_sum);
    dp[j] = probability * (dp[j] * s.factor[j] - delta) * scale;
    p[j] = probability * s.factor[j];
  }
  for (std::int64_t j = visible; j < columns; ++j) p[j] = dp[j] = 0.0f;
  if (head.dscores == nullptr) return;
  const float* dscores = head.dscores + query * head.length;
#pragma omp simd
  for (std::int64_t j = 0; j < head.length; ++j) dp[j] += dscores[j] * scale;
}

// dv += (P R)^T dy;  dk += dS^T q;  dq = dS k.
template <typename Element>
void backward_products(const AttentionHead<Element>& head, const BackwardScratch& s,
                       std::int64_t first, std::int64_t rows) {
  const std::int64_t length = head.length;
  const std::int64_t columns = padded(length);
  const std::int64_t width = head.head_size;
  const Store store = first == 0 ? Store::overwrite : Store::add;
  product({s.dv, width, s.scores, 1, columns, s.dy, width, length, width, rows, store});
  product({s.dk, width, s.dprobability, 1, columns, s.q, width, length, width, rows, store});
  product({s.dq, width, s.dprobability, columns, 1, s.k, width, rows, width, length});
  unpack_rows(head.dq + first * head.stride, s.dq, rows, width, head.stride);
}

template <typename Element>
void backward(const AttentionHead<Element>& head) {
  const std::int64_t length = head.length;
  const std::int64_t columns = padded(length);
  const std::int64_t width = head.head_size;
  const BackwardScratch s = backward_scratch(head.scratch, length, width);
  pack_transposed(s.k_transposed, head.k, length, width, head.stride);
  pack_transposed(s.v_transposed, head.v, length, width, head.stride);
  pack_rows(s.k, head.k, length, width, head.stride);
  key_bias(s.bias, head);
  for (std::int64_t j = 0; j < columns; ++j) s.factor[j] = 1.0f;
  for (std::int64_t first = 0; first < length; first += kQueryBlock) {
    const std::int64_t rows = length - first < kQueryBlock ? length - first : kQueryBlock;
    pack_rows(s.q, head.q + first * head.stride, rows, width, head.stride);
    score_block(s.scores, s.q, s.k_transposed, rows, length, width);
    pack_rows(s.dy, head.dy + first * head.output_stride, rows, width, head.output_stride);
    product(
        {s.dprobability, columns, s.dy, width, 1, s.v_transposed, columns, rows, columns, width});
    for (std::int64_t r = 0; r < rows; ++r) backward_row(head, s, first + r, r);
    backward_products(head, s, first, rows);
  }
  unpack_rows(head.dk, s.dk, length, width, head.stride);
  unpack_rows(head.dv, s.dv, length, width, head.stride);
}

// What backward_scratch() takes; forward needs less.
std::int64_t scratch_floats(std::int64_t length, std::int64_t head_size) {
  const std::int64_t columns = padded(length);
  return 2 * padded(head_size * columns) + 3 * padded(length * head_size) +
         2 * padded(kQueryBlock * columns) + 3 * padded(kQueryBlock * head_size) + 2 * columns;
}

}  // namespace

AttentionKernels attention_kernels() {
  return {forward<float>, backward<float>, forward<BFloatBits>, backward<BFloatBits>,
          scratch_floats};
}

}  // namespace bertyard::BERTYARD_ISA_NAMESPACE
