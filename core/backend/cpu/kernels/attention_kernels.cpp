// SPDX-License-Identifier: Apache-2.0
#include "core/backend/cpu/kernels/attention_block.h"

#ifdef __AVX512BF16__
#include <immintrin.h>
#endif

namespace bertyard::BERTYARD_ISA_NAMESPACE {
namespace {

#ifdef __AVX512BF16__
inline void multiply_add(Vector& sum, Pair left, const VectorOf<Pair>& right) {
  const auto broadcast = __builtin_bit_cast(__m512bh, _mm512_set1_epi32(static_cast<int>(left)));
  sum = _mm512_dpbf16_ps(sum, broadcast, __builtin_bit_cast(__m512bh, right));
}
#endif

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
StridedRows<Element> rows_of(const Element* data, std::int64_t n, std::int64_t width,
                             std::int64_t stride) {
  return {data, n, width, stride};
}

template <typename Operand, typename Element>
void forward_of(const AttentionHead<Element>& head) {
  const std::int64_t length = head.length;
  const std::int64_t columns = padded(length);
  const std::int64_t width = head.head_size;
  const std::int64_t inner = columns / kPerOperand<Operand>;
  Scratch scratch{head.scratch};
  auto* k_transposed = scratch.take<Operand>(width * columns);
  auto* v = scratch.take<Operand>(length * width);
  float* scores = scratch.take(kQueryBlock * columns);
  auto* q = scratch.take<Operand>(kQueryBlock * width);
  float* y = scratch.take(kQueryBlock * width);
  float* bias = scratch.take(columns);
  float* factor = scratch.take(columns);
  Operand* packed = kIsPair<Operand> ? scratch.take<Operand>(kQueryBlock * inner) : nullptr;
  pack_transposed(k_transposed, rows_of(head.k, length, width, head.stride));
  pack_layers(v, rows_of(head.v, length, width, head.stride));
  key_bias(bias, head);
  for (std::int64_t first = 0; first < length; first += kQueryBlock) {
    const std::int64_t rows = length - first < kQueryBlock ? length - first : kQueryBlock;
    pack_rows(q, rows_of(head.q + first * head.stride, rows, width, head.stride));
    score_block(scores, q, k_transposed, rows, length, width);
    forward_block(head, scores, bias, factor, first, rows);
    product<Operand>({y, width, as_rows(packed, scores, rows, columns), inner, 1, v, width, rows,
                      width, layers<Operand>(length)});
    unpack_rows(head.y + first * head.output_stride, y, rows, width, head.output_stride);
  }
}

template <typename Operand>
struct BackwardScratch {
  Operand *k_transposed, *v_transposed, *k_layers;
  float *dk, *dv, *scores, *dprobability;
  Operand *q, *dy;  // rows
  float *dq, *bias, *factor;
  // Only of pairs: with floats the rows serve.
  Operand *q_layers, *dy_layers, *packed_rows, *packed_layers;
};

template <typename Operand>
BackwardScratch<Operand> backward_scratch(float* memory, std::int64_t length, std::int64_t width) {
  const std::int64_t columns = padded(length);
  Scratch s{memory};
  BackwardScratch<Operand> taken = {s.take<Operand>(width * columns),
                                    s.take<Operand>(width * columns),
                                    s.take<Operand>(length * width),
                                    s.take(length * width),
                                    s.take(length * width),
                                    s.take(kQueryBlock * columns),
                                    s.take(kQueryBlock * columns),
                                    s.take<Operand>(kQueryBlock * width),
                                    s.take<Operand>(kQueryBlock * width),
                                    s.take(kQueryBlock * width),
                                    s.take(columns),
                                    s.take(columns),
                                    nullptr,
                                    nullptr,
                                    nullptr,
                                    nullptr};
  if (!kIsPair<Operand>) {
    taken.q_layers = taken.q;
    taken.dy_layers = taken.dy;
    return taken;
  }
  taken.q_layers = s.take<Operand>(kQueryBlock / 2 * width);
  taken.dy_layers = s.take<Operand>(kQueryBlock / 2 * width);
  taken.packed_rows = s.take<Operand>(kQueryBlock / 2 * columns);
  taken.packed_layers = s.take<Operand>(kQueryBlock / 2 * columns);
  return taken;
}

// One query: scores become P R, dprobability becomes (dS + dscores) / sqrt(D), with
// dS = P (dP R - sum(dy y)).
template <typename Operand, typename Element>
void backward_row(const AttentionHead<Element>& head, const BackwardScratch<Operand>& s,
                  std::int64_t query, std::int64_t row) {
  const std::int64_t columns = padded(head.length);
  const Element* y = head.saved_y + query * head.output_stride;
  const Element* dy = head.dy + query * head.output_stride;
  float delta = 0;
#pragma omp simd reduction(+ : delta)
  for (std::int64_t d = 0; d < head.head_size; ++d) delta += wide(dy[d]) * wide(y[d]);
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
template <typename Operand, typename Element>
void backward_products(const AttentionHead<Element>& head, const BackwardScratch<Operand>& s,
                       std::int64_t first, std::int64_t rows) {
  const std::int64_t length = head.length;
  const std::int64_t columns = padded(length);
  const std::int64_t width = head.head_size;
  const std::int64_t depth = layers<Operand>(rows);
  const Store store = first == 0 ? Store::overwrite : Store::add;
  const Operand* p = as_rows(s.packed_rows, s.scores, rows, columns);
  const Operand* p_layers = as_layers(s.packed_layers, p, rows, columns);
  product<Operand>(
      {s.dv, width, p_layers, 1, columns, s.dy_layers, width, length, width, depth, store});
  const Operand* ds = as_rows(s.packed_rows, s.dprobability, rows, columns);
  const Operand* ds_layers = as_layers(s.packed_layers, ds, rows, columns);
  product<Operand>(
      {s.dk, width, ds_layers, 1, columns, s.q_layers, width, length, width, depth, store});
  product<Operand>({s.dq, width, ds, columns / kPerOperand<Operand>, 1, s.k_layers, width, rows,
                    width, layers<Operand>(length)});
  unpack_rows(head.dq + first * head.stride, s.dq, rows, width, head.stride);
}

template <typename Operand, typename Element>
void backward_of(const AttentionHead<Element>& head) {
  const std::int64_t length = head.length;
  const std::int64_t columns = padded(length);
  const std::int64_t width = head.head_size;
  const std::int64_t inner = width / kPerOperand<Operand>;
  const auto s = backward_scratch<Operand>(head.scratch, length, width);
  pack_transposed(s.k_transposed, rows_of(head.k, length, width, head.stride));
  pack_transposed(s.v_transposed, rows_of(head.v, length, width, head.stride));
  pack_layers(s.k_layers, rows_of(head.k, length, width, head.stride));
  key_bias(s.bias, head);
  for (std::int64_t j = 0; j < columns; ++j) s.factor[j] = 1.0f;
  for (std::int64_t first = 0; first < length; first += kQueryBlock) {
    const std::int64_t rows = length - first < kQueryBlock ? length - first : kQueryBlock;
    const auto q = rows_of(head.q + first * head.stride, rows, width, head.stride);
    const auto dy = rows_of(head.dy + first * head.output_stride, rows, width, head.output_stride);
    pack_rows(s.q, q);
    pack_rows(s.dy, dy);
    if (kIsPair<Operand>) {
      pack_layers(s.q_layers, q);
      pack_layers(s.dy_layers, dy);
    }
    score_block(s.scores, s.q, s.k_transposed, rows, length, width);
    product<Operand>(
        {s.dprobability, columns, s.dy, inner, 1, s.v_transposed, columns, rows, columns, inner});
    for (std::int64_t r = 0; r < rows; ++r) backward_row(head, s, first + r, r);
    backward_products(head, s, first, rows);
  }
  unpack_rows(head.dk, s.dk, length, width, head.stride);
  unpack_rows(head.dv, s.dv, length, width, head.stride);
}

// What backward_scratch() takes at most; forward needs less.
std::int64_t scratch_floats(std::int64_t length, std::int64_t head_size) {
  const std::int64_t columns = padded(length);
  return 2 * padded(head_size * columns) + 3 * padded(length * head_size) +
         2 * padded(kQueryBlock * columns) + 3 * padded(kQueryBlock * head_size) + 2 * columns +
         (kMultipliesPairs ? kQueryBlock * (columns + head_size) : 0);
}

void forward(const AttentionHead<float>& head) {
  forward_of<float>(head);
}
void backward(const AttentionHead<float>& head) {
  backward_of<float>(head);
}

// Heads that do not fill whole vectors are computed in float.
void forward_narrow(const AttentionHead<BFloatBits>& head) {
  if constexpr (kMultipliesPairs) {
    if (head.head_size % kLanes == 0) return forward_of<Pair>(head);
  }
  forward_of<float>(head);
}
void backward_narrow(const AttentionHead<BFloatBits>& head) {
  if constexpr (kMultipliesPairs) {
    if (head.head_size % kLanes == 0) return backward_of<Pair>(head);
  }
  backward_of<float>(head);
}

}  // namespace

AttentionKernels attention_kernels() {
  return {forward, backward, forward_narrow, backward_narrow, scratch_floats};
}

}  // namespace bertyard::BERTYARD_ISA_NAMESPACE
