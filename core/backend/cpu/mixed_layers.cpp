// SPDX-License-Identifier: Apache-2.0
// The rest of RecurrentOps: what stands around an LSTM.
#include <algorithm>
#include <cmath>
#include <vector>

#include "core/backend/cpu/cpu_recurrent_ops.h"
#include "core/backend/cpu/tensor_checks.h"

namespace bertyard {
namespace {

// softmax(w), a few values.
std::vector<double> shares(const ConstTensorView& w) {
  std::vector<double> s(w.span<float>().begin(), w.span<float>().end());
  const double greatest = *std::ranges::max_element(s);
  double sum = 0;
  for (double& value : s) sum += value = std::exp(value - greatest);
  for (double& value : s) value /= sum;
  return s;
}

void check_mix(std::string_view operation, const ConstTensorView& y,
               std::span<const ConstTensorView> layers, const ConstTensorView& w,
               const ConstTensorView& gamma) {
  check_rank({operation, "y"}, y, 2);
  check_f32({operation, "w"}, w, {static_cast<std::int64_t>(layers.size())});
  check_f32({operation, "gamma"}, gamma, {1});
  for (const ConstTensorView& layer : layers) check_f32({operation, "layer"}, layer, y.shape());
}

double dot(const float* a, const float* b, std::int64_t n) {
  double sum = 0;
  for (std::int64_t i = 0; i < n; ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}

}  // namespace

void CpuRecurrentOps::add(TensorView y, ConstTensorView a, ConstTensorView b) {
  check_f32({"add", "a"}, a, y.shape());
  check_f32({"add", "b"}, b, y.shape());
  auto* sum = y.as<float>();
  const auto* left = a.as<float>();
  const auto* right = b.as<float>();
#pragma omp parallel for num_threads(threads_) schedule(static)
  for (std::int64_t i = 0; i < y.elements(); ++i) sum[i] = left[i] + right[i];
}

void CpuRecurrentOps::join_columns(TensorView y, ConstTensorView a, ConstTensorView b) {
  const std::int64_t left = a.shape()[1];
  const std::int64_t right = b.shape()[1];
  check_f32({"join_columns", "y"}, y, {a.rows(), left + right});
  check_f32({"join_columns", "b"}, b, {a.rows(), right});
  for (std::int64_t t = 0; t < a.rows(); ++t) {
    float* row = y.as<float>() + t * (left + right);
    std::copy_n(a.as<float>() + t * left, left, row);
    std::copy_n(b.as<float>() + t * right, right, row + left);
  }
}

void CpuRecurrentOps::split_columns(TensorView a, TensorView b, ConstTensorView y) {
  const std::int64_t left = a.shape()[1];
  const std::int64_t right = b.shape()[1];
  check_f32({"split_columns", "y"}, y, {a.rows(), left + right});
  check_f32({"split_columns", "b"}, b, {a.rows(), right});
  for (std::int64_t t = 0; t < a.rows(); ++t) {
    const float* row = y.as<float>() + t * (left + right);
    std::copy_n(row, left, a.as<float>() + t * left);
    std::copy_n(row + left, right, b.as<float>() + t * right);
  }
}

void CpuRecurrentOps::scalar_mix(TensorView y, std::span<const ConstTensorView> layers,
                                 ConstTensorView w, ConstTensorView gamma) {
  check_mix("scalar_mix", y, layers, w, gamma);
  const std::vector<double> s = shares(w);
  const std::int64_t columns = y.shape()[1];
  const double factor = gamma.as<float>()[0];
#pragma omp parallel for num_threads(threads_) schedule(static)
  for (std::int64_t t = 0; t < y.rows(); ++t) {
    float* row = y.as<float>() + t * columns;
    std::fill_n(row, columns, 0.0f);
    for (std::size_t j = 0; j < layers.size(); ++j) {
      const auto share = static_cast<float>(factor * s[j]);
      const float* x = layers[j].as<float>() + t * columns;
      for (std::int64_t c = 0; c < columns; ++c) row[c] += share * x[c];
    }
  }
}

void CpuRecurrentOps::scalar_mix_backward(TensorView dw, TensorView dgamma, ConstTensorView dy,
                                          std::span<const ConstTensorView> layers,
                                          ConstTensorView w, ConstTensorView gamma) {
  check_mix("scalar_mix_backward", dy, layers, w, gamma);
  check_f32({"scalar_mix_backward", "dw"}, dw, w.shape());
  check_f32({"scalar_mix_backward", "dgamma"}, dgamma, {1});
  const std::vector<double> s = shares(w);
  std::vector<double> d;
  double mean = 0;
  for (std::size_t j = 0; j < layers.size(); ++j) {
    d.push_back(dot(dy.as<float>(), layers[j].as<float>(), dy.elements()));
    mean += s[j] * d[j];
  }
  dgamma.as<float>()[0] += static_cast<float>(mean);
  for (std::size_t j = 0; j < layers.size(); ++j) {
    const double slope = static_cast<double>(gamma.as<float>()[0]) * s[j] * (d[j] - mean);
    dw.as<float>()[j] += static_cast<float>(slope);
  }
}

void CpuRecurrentOps::attention_pool(TensorView y, TensorView a, ConstTensorView x,
                                     ConstTensorView scores, const PackedSequences& packing) {
  const std::int64_t sequences = packing.offsets.rows() - 1;
  const std::int64_t columns = x.shape()[1];
  check_f32({"attention_pool", "y"}, y, {sequences, columns});
  check_f32({"attention_pool", "a"}, a, {x.rows()});
  check_f32({"attention_pool", "scores"}, scores, {x.rows(), 1});
  check_indices({"attention_pool", "offsets"}, packing.offsets, sequences + 1, x.rows() + 1);
  const auto* offset = packing.offsets.as<std::int32_t>();
  const auto* score = scores.as<float>();
  auto* weight = a.as<float>();
#pragma omp parallel for num_threads(threads_) schedule(static)
  for (std::int64_t n = 0; n < sequences; ++n) {
    float* row = y.as<float>() + n * columns;
    std::fill_n(row, columns, 0.0f);
    const std::int32_t begin = offset[n], end = offset[n + 1];
    if (begin == end) continue;
    const float greatest = *std::max_element(score + begin, score + end);
    double sum = 0;
    for (std::int32_t t = begin; t < end; ++t) sum += weight[t] = std::exp(score[t] - greatest);
    for (std::int32_t t = begin; t < end; ++t) {
      weight[t] = static_cast<float>(static_cast<double>(weight[t]) / sum);
      const float* values = x.as<float>() + t * columns;
      for (std::int64_t c = 0; c < columns; ++c) row[c] += weight[t] * values[c];
    }
  }
}

void CpuRecurrentOps::attention_pool_backward(TensorView dx, TensorView dscores,
                                              const PoolBackward& input) {
  const std::int64_t sequences = input.packing.offsets.rows() - 1;
  const std::int64_t columns = input.x.shape()[1];
  check_f32({"attention_pool_backward", "dx"}, dx, input.x.shape());
  check_f32({"attention_pool_backward", "dscores"}, dscores, {input.x.rows(), 1});
  check_f32({"attention_pool_backward", "dy"}, input.dy, {sequences, columns});
  const auto* offset = input.packing.offsets.as<std::int32_t>();
  const auto* weight = input.a.as<float>();
#pragma omp parallel for num_threads(threads_) schedule(static)
  for (std::int64_t n = 0; n < sequences; ++n) {
    const float* dy = input.dy.as<float>() + n * columns;
    const double mean = dot(dy, input.y.as<float>() + n * columns, columns);
    for (std::int32_t t = offset[n]; t < offset[n + 1]; ++t) {
      const float* values = input.x.as<float>() + t * columns;
      const double slope = static_cast<double>(weight[t]) * (dot(dy, values, columns) - mean);
      dscores.as<float>()[t] = static_cast<float>(slope);
      for (std::int64_t c = 0; c < columns; ++c) {
        dx.as<float>()[t * columns + c] += weight[t] * dy[c];
      }
    }
  }
}

}  // namespace bertyard
