// SPDX-License-Identifier: Apache-2.0
// Cross entropy of rows of logits, one block a row. Bound by bytes: a row is read, read again from
// the L2 cache, and overwritten by its gradient, 6 V bytes in 16-bit types. Rows need no alignment:
// what lies before the first and after the last 16-byte boundary is taken element by element.
#include "core/backend/cuda/block_reduce.cuh"
#include "core/backend/cuda/cuda_checks.h"
#include "core/backend/cuda/cuda_layer_ops.h"
#include "core/backend/cuda/element_types.cuh"
#include "core/backend/cuda/elements.cuh"
#include "core/backend/cuda/launch.cuh"

namespace bertyard {
namespace {

constexpr int kThreads = 256;

// Calls work(index, element) for this thread's share of a row, indices rising; with kWrites the
// result takes the element's place.
template <bool kWrites, typename T, typename Work>
__device__ void for_row(T* row, int n, Work work) {
  constexpr int kEach = Elements16<T>::kCount;
  const auto offset = static_cast<int>(reinterpret_cast<std::uintptr_t>(row) % 16 / sizeof(T));
  const int to_boundary = offset == 0 ? 0 : kEach - offset;
  const int head = to_boundary < n ? to_boundary : n;
  const int vectors = (n - head) / kEach;
  const auto one = [&](int i) {
    const float result = work(i, to_float(row[i]));
    if constexpr (kWrites) row[i] = from_float<T>(result);
  };
  const int thread = static_cast<int>(threadIdx.x);
  if (thread < head) one(thread);
  for (int v = thread; v < vectors; v += kThreads) {
    const int first = head + v * kEach;
    Elements16<T> loaded = load_16(row + first);
#pragma unroll
    for (int i = 0; i < kEach; ++i) {
      const float result = work(first + i, to_float(loaded.value[i]));
      if constexpr (kWrites) loaded.value[i] = from_float<T>(result);
    }
    if constexpr (kWrites) store_16(row + first, loaded);
  }
  const int tail = head + vectors * kEach + thread;
  if (tail < n) one(tail);
}

template <typename T>
struct HardTargets {
  float *loss, *correct;
  T* logits;
  const std::int32_t* labels;
  const float* scale;
  int classes;
};

template <typename T>
__device__ LogSumExp log_sum_exp(T* row, int classes) {
  __shared__ LogSumExp slots[kThreads];
  LogSumExp own = LogSumExp::of_nothing();
  for_row<false>(row, classes, [&](int i, float x) {
    own.add(i, x);
    return x;
  });
  return block_reduce<kThreads>(own, slots, [](LogSumExp a, const LogSumExp& b) {
    a.merge(b);
    return a;
  });
}

template <typename T, bool kGradient>
__global__ void cross_entropy_kernel(const HardTargets<T> in) {
  const std::int64_t r = blockIdx.x;
  T* row = in.logits + r * in.classes;
  const std::int32_t label = in.labels[r];
  if (label < 0) {
    if (threadIdx.x == 0) in.loss[r] = in.correct[r] = 0;
    if constexpr (kGradient) for_row<true>(row, in.classes, [](int, float) { return 0.0f; });
    return;
  }
  const LogSumExp all = log_sum_exp(row, in.classes);
  if (threadIdx.x == 0) {
    in.loss[r] = all.value() - to_float(row[label]);
    in.correct[r] = all.first == label ? 1.0f : 0.0f;
  }
  if constexpr (kGradient) {
    __syncthreads();  // the label's logit has been read
    const float scale = *in.scale, factor = scale / all.sum;
    for_row<true>(row, in.classes, [&](int i, float x) {
      return expf(x - all.maximum) * factor - (i == label ? scale : 0.0f);
    });
  }
}

template <typename T>
struct SoftTargets {
  float* loss;
  T* logits;
  const float* target;
  const float* scale;
  int classes;
};

struct Agreement {
  float mass, dot;
};

template <typename T>
__global__ void soft_cross_entropy_kernel(const SoftTargets<T> in) {
  __shared__ Agreement slots[kThreads];
  const std::int64_t r = blockIdx.x;
  T* row = in.logits + r * in.classes;
  const float* target = in.target + r * in.classes;
  const LogSumExp all = log_sum_exp(row, in.classes);
  // sum of target (x - maximum) stays small where the logits are large.
  Agreement own{0, 0};
  for_row<false>(row, in.classes, [&](int i, float x) {
    own.mass += target[i];
    own.dot += target[i] * (x - all.maximum);
    return x;
  });
  const Agreement sum = block_reduce<kThreads>(own, slots, [](Agreement a, const Agreement& b) {
    return Agreement{a.mass + b.mass, a.dot + b.dot};
  });
  if (threadIdx.x == 0) in.loss[r] = sum.mass * logf(all.sum) - sum.dot;
  const float scale = *in.scale, factor = scale / all.sum;
  for_row<true>(row, in.classes,
                [&](int i, float x) { return expf(x - all.maximum) * factor - target[i] * scale; });
}

constexpr int kSumThreads = 1024;

__global__ void add_sum_kernel(double* sum, const float* x, std::int64_t n) {
  __shared__ double slots[kSumThreads];
  double own = 0;
  for (std::int64_t i = threadIdx.x; i < n; i += kSumThreads) own += static_cast<double>(x[i]);
  const double total =
      block_reduce<kSumThreads>(own, slots, [](double a, double b) { return a + b; });
  if (threadIdx.x == 0) *sum += total;
}

LaunchShape row_shape(std::int64_t rows, cudaStream_t stream) {
  return {.grid = dim3(static_cast<unsigned>(rows)), .block = dim3(kThreads), .stream = stream};
}

void check_hard_targets(std::string_view operation, const ConstTensorView& loss,
                        const ConstTensorView& correct, const ConstTensorView& logits,
                        const ConstTensorView& labels) {
  check_rank({operation, "logits"}, logits, 2);
  check_activations({operation, "logits"}, logits, logits.dtype(), logits.shape());
  check_f32({operation, "loss"}, loss, {logits.rows()});
  check_f32({operation, "correct"}, correct, {logits.rows()});
  check_index({operation, "labels"}, labels, logits.rows());
}

}  // namespace

void CudaLayerOps::cross_entropy(TensorView loss, TensorView correct, ConstTensorView logits,
                                 ConstTensorView labels) {
  check_hard_targets("cross_entropy", loss, correct, logits, labels);
  if (logits.rows() == 0) return;
  for_element_type(logits.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::Type;
    launch("cross_entropy", cross_entropy_kernel<T, false>, row_shape(logits.rows(), stream_),
           HardTargets<T>{loss.as<float>(), correct.as<float>(),
                          const_cast<T*>(static_cast<const T*>(logits.data())),
                          labels.as<std::int32_t>(), nullptr, static_cast<int>(logits.shape()[1])});
  });
}

void CudaLayerOps::cross_entropy_gradient(TensorView loss, TensorView correct, TensorView logits,
                                          ConstTensorView labels, ConstTensorView scale) {
  check_hard_targets("cross_entropy_gradient", loss, correct, logits, labels);
  check_f32({"cross_entropy_gradient", "scale"}, scale, {1});
  if (logits.rows() == 0) return;
  for_element_type(logits.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::Type;
    launch("cross_entropy_gradient", cross_entropy_kernel<T, true>,
           row_shape(logits.rows(), stream_),
           HardTargets<T>{loss.as<float>(), correct.as<float>(), static_cast<T*>(logits.data()),
                          labels.as<std::int32_t>(), scale.as<float>(),
                          static_cast<int>(logits.shape()[1])});
  });
}

void CudaLayerOps::soft_cross_entropy_gradient(TensorView loss, TensorView logits,
                                               ConstTensorView target, ConstTensorView scale) {
  constexpr std::string_view kOperation = "soft_cross_entropy_gradient";
  check_rank({kOperation, "logits"}, logits, 2);
  check_activations({kOperation, "logits"}, logits, logits.dtype(), logits.shape());
  check_f32({kOperation, "target"}, target, logits.shape());
  check_f32({kOperation, "loss"}, loss, {logits.rows()});
  check_f32({kOperation, "scale"}, scale, {1});
  if (logits.rows() == 0) return;
  for_element_type(logits.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::Type;
    launch("soft_cross_entropy_gradient", soft_cross_entropy_kernel<T>,
           row_shape(logits.rows(), stream_),
           SoftTargets<T>{loss.as<float>(), static_cast<T*>(logits.data()), target.as<float>(),
                          scale.as<float>(), static_cast<int>(logits.shape()[1])});
  });
}

void CudaLayerOps::add_sum(TensorView sum, ConstTensorView x) {
  check_tensor({"add_sum", "sum"}, sum, DType::f64, {1});
  check_f32({"add_sum", "x"}, x, {x.elements()});
  launch("add_sum", add_sum_kernel,
         {.grid = dim3(1), .block = dim3(kSumThreads), .stream = stream_}, sum.as<double>(),
         x.elements() == 0 ? nullptr : x.as<float>(), x.elements());
}

}  // namespace bertyard
