// SPDX-License-Identifier: Apache-2.0
// Losses of downstream tasks: a few thousand numbers at most, bound by the time of a launch.
#include "core/backend/cuda/block_reduce.cuh"
#include "core/backend/cuda/cuda_checks.h"
#include "core/backend/cuda/cuda_loss_ops.h"
#include "core/backend/cuda/element_types.cuh"
#include "core/backend/cuda/groups.cuh"
#include "core/backend/cuda/launch.cuh"
#include "core/base/error.h"

namespace bertyard {
namespace {

constexpr int kThreads = 128;

LaunchShape thread_each(std::int64_t count, cudaStream_t stream) {
  return {.grid = dim3(static_cast<unsigned>((count + kThreads - 1) / kThreads)),
          .block = dim3(kThreads),
          .stream = stream};
}

__device__ std::int64_t own_index() {
  return static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
}

template <typename T>
struct DroppedRows {
  T* y;
  const T* x;
  const std::int32_t* tokens;  // may be null
  std::int64_t rows;
  int columns;
  DropoutDraws draws;
};

// A thread a group of eight neighbours.
template <typename T>
__global__ void dropout_kernel(const DroppedRows<T> in) {
  const int groups = (in.columns + kGroup - 1) / kGroup;
  const std::int64_t row = own_index() / groups;
  if (row >= in.rows) return;
  const int group = static_cast<int>(own_index() % groups);
  const int present = present_in_group(group, in.columns);
  const std::int64_t at = row * in.columns + group * kGroup;
  float x[kGroup];
  load_group(x, in.x + at, present, Access::elements);
  if (in.draws.threshold != 0) {
    apply_dropout(x, in.draws, in.tokens == nullptr ? row : in.tokens[row], group);
  }
  store_group(in.y + at, x, present, Access::elements);
}

template <typename T>
struct SquaredErrors {
  float* loss;
  T* prediction;
  const float* target;
  const float* scale;  // null: no gradient
  std::int64_t rows;
};

template <typename T>
__global__ void squared_error_kernel(const SquaredErrors<T> in) {
  const std::int64_t r = own_index();
  if (r >= in.rows) return;
  const float difference = to_float(in.prediction[r]) - in.target[r];
  in.loss[r] = difference * difference;
  if (in.scale != nullptr) in.prediction[r] = from_float<T>(2 * difference * *in.scale);
}

// logits = (softmax - onehot) scale at one place
template <typename T>
__device__ void make_gradient(T& logit, const LogSumExp& all, bool is_label, float scale) {
  const float p = expf(to_float(logit) - all.maximum) / all.sum;
  logit = from_float<T>((p - (is_label ? 1.0f : 0.0f)) * scale);
}

template <typename T>
struct WeightedRows {
  float *loss, *correct;
  T* logits;
  const std::int32_t* labels;
  const float* weights;
  const float* scale;  // null: no gradient
  std::int64_t rows;
  int classes;
};

template <typename T>
__global__ void weighted_kernel(const WeightedRows<T> in) {
  const std::int64_t r = own_index();
  if (r >= in.rows) return;
  T* row = in.logits + r * in.classes;
  const std::int32_t label = in.labels[r];
  if (label < 0) {
    in.loss[r] = in.correct[r] = 0;
    for (int c = 0; in.scale != nullptr && c < in.classes; ++c) row[c] = from_float<T>(0.0f);
    return;
  }
  LogSumExp all = LogSumExp::of_nothing();
  for (int c = 0; c < in.classes; ++c) all.add(c, to_float(row[c]));
  const float weight = in.weights[label];
  in.loss[r] = weight * (all.value() - to_float(row[label]));
  in.correct[r] = all.first == label ? 1.0f : 0.0f;
  if (in.scale == nullptr) return;
  for (int c = 0; c < in.classes; ++c) make_gradient(row[c], all, c == label, weight * *in.scale);
}

template <typename T>
struct SpanEnds {
  float *loss, *correct;
  T* logits;
  const std::int32_t *labels, *offsets;
  const float* scale;  // null: no gradient
  std::int64_t rows;
};

// A block a sequence, one end after the other. The last also clears what is behind it.
template <typename T>
__global__ void span_kernel(const SpanEnds<T> in) {
  __shared__ LogSumExp slots[kThreads];
  const std::int64_t n = blockIdx.x;
  const std::int32_t first = in.offsets[n], length = in.offsets[n + 1] - first;
  const auto thread = static_cast<std::int32_t>(threadIdx.x);
  float sum = 0;
  bool both = true;
  for (int end = 0; end < 2; ++end) {
    const std::int32_t label = in.labels[2 * n + end];
    T* logits = in.logits + 2 * static_cast<std::int64_t>(first) + end;
    if (label < 0) {
      both = false;
      for (std::int32_t i = thread; in.scale != nullptr && i < length; i += kThreads) {
        logits[2 * i] = from_float<T>(0.0f);
      }
      continue;
    }
    LogSumExp own = LogSumExp::of_nothing();
    for (std::int32_t i = thread; i < length; i += kThreads) own.add(i, to_float(logits[2 * i]));
    const LogSumExp all = block_reduce<kThreads>(own, slots, [](LogSumExp a, const LogSumExp& b) {
      a.merge(b);
      return a;
    });
    sum += all.value() - to_float(logits[2 * label]);
    both = both && all.first == label;
    __syncthreads();  // everyone has the label's logit
    for (std::int32_t i = thread; in.scale != nullptr && i < length; i += kThreads) {
      make_gradient(logits[2 * i], all, i == label, *in.scale / 2);
    }
  }
  if (n + 1 == gridDim.x && in.scale != nullptr) {
    for (std::int64_t i = 2 * std::int64_t{first + length} + thread; i < 2 * in.rows;
         i += kThreads) {
      in.logits[i] = from_float<T>(0.0f);
    }
  }
  if (thread != 0) return;
  in.loss[n] = sum / 2;
  in.correct[n] = both ? 1.0f : 0.0f;
}

void check_activations(Argument argument, const ConstTensorView& found, const Shape& shape) {
  bertyard::check_activations(argument, found, found.dtype(), shape);
}

// With `scale` absent the loss alone.
void squared_error(std::string_view operation, TensorView loss, ConstTensorView prediction,
                   ConstTensorView target, ConstTensorView scale, cudaStream_t stream) {
  check_rank({operation, "prediction"}, prediction, 2);
  check_activations({operation, "prediction"}, prediction, {prediction.rows(), 1});
  check_f32({operation, "loss"}, loss, {prediction.rows()});
  check_f32({operation, "target"}, target, {prediction.rows()});
  check_optional_f32({operation, "scale"}, scale, {1});
  if (prediction.rows() == 0) return;
  for_element_type(prediction.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::Type;
    launch("squared_error", squared_error_kernel<T>, thread_each(prediction.rows(), stream),
           SquaredErrors<T>{loss.as<float>(), static_cast<T*>(const_cast<void*>(prediction.data())),
                            target.as<float>(), scale.as<float>(), prediction.rows()});
  });
}

void weighted(std::string_view operation, TensorView loss, TensorView correct,
              ConstTensorView logits, const LossOps::WeightedTargets& targets,
              cudaStream_t stream) {
  check_rank({operation, "logits"}, logits, 2);
  check_activations({operation, "logits"}, logits, logits.shape());
  check_f32({operation, "loss"}, loss, {logits.rows()});
  check_f32({operation, "correct"}, correct, {logits.rows()});
  check_f32({operation, "weights"}, targets.weights, {logits.shape()[1]});
  check_index({operation, "labels"}, targets.labels, logits.rows());
  check_optional_f32({operation, "scale"}, targets.scale, {1});
  if (logits.rows() == 0) return;
  for_element_type(logits.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::Type;
    launch("weighted_cross_entropy", weighted_kernel<T>, thread_each(logits.rows(), stream),
           WeightedRows<T>{loss.as<float>(), correct.as<float>(),
                           static_cast<T*>(const_cast<void*>(logits.data())),
                           targets.labels.as<std::int32_t>(), targets.weights.as<float>(),
                           targets.scale.as<float>(), logits.rows(),
                           static_cast<int>(logits.shape()[1])});
  });
}

void span(std::string_view operation, TensorView loss, TensorView correct, ConstTensorView logits,
          const LossOps::SpanTargets& targets, cudaStream_t stream) {
  const std::int64_t sequences = targets.offsets.rows() - 1;
  check_activations({operation, "logits"}, logits, {logits.rows(), 2});
  check_index({operation, "offsets"}, targets.offsets, sequences + 1);
  check_tensor({operation, "labels"}, targets.labels, DType::i32, {sequences, 2});
  check_f32({operation, "loss"}, loss, {sequences});
  check_f32({operation, "correct"}, correct, {sequences});
  check_optional_f32({operation, "scale"}, targets.scale, {1});
  if (sequences == 0) return;
  for_element_type(logits.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::Type;
    launch(
        "span_cross_entropy", span_kernel<T>,
        {.grid = dim3(static_cast<unsigned>(sequences)), .block = dim3(kThreads), .stream = stream},
        SpanEnds<T>{loss.as<float>(), correct.as<float>(),
                    static_cast<T*>(const_cast<void*>(logits.data())),
                    targets.labels.as<std::int32_t>(), targets.offsets.as<std::int32_t>(),
                    targets.scale.as<float>(), logits.rows()});
  });
}

[[noreturn]] void refuse_crf() {
  throw EnvironmentError(
      "crf: a GPU does not have the loss of conditional random fields; tag with the softmax "
      "decision, or use parallel.backend: cpu");
}

}  // namespace

void CudaLossOps::dropout(TensorView y, ConstTensorView x, ConstTensorView tokens,
                          const Dropout& dropout) {
  constexpr std::string_view kOperation = "dropout";
  check_rank({kOperation, "x"}, x, 2);
  check_activations({kOperation, "x"}, x, x.shape());
  bertyard::check_activations({kOperation, "y"}, y, x.dtype(), x.shape());
  const bool chosen = tokens.present() && dropout.probability != 0;
  if (chosen) check_index({kOperation, "tokens"}, tokens, x.rows());
  const DropoutDraws draws =
      dropout_draws(kOperation, dropout, chosen ? dropout.sample.rows() : x.rows());
  const std::int64_t columns = x.shape()[1];
  if (x.rows() == 0 || columns == 0) return;
  for_element_type(x.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::Type;
    launch("dropout", dropout_kernel<T>,
           thread_each(x.rows() * ((columns + kGroup - 1) / kGroup), stream_),
           DroppedRows<T>{static_cast<T*>(y.data()), static_cast<const T*>(x.data()),
                          chosen ? tokens.as<std::int32_t>() : nullptr, x.rows(),
                          static_cast<int>(columns), draws});
  });
}

void CudaLossOps::squared_error(TensorView loss, ConstTensorView prediction,
                                ConstTensorView target) {
  bertyard::squared_error("squared_error", loss, prediction, target, {}, stream_);
}
void CudaLossOps::squared_error_gradient(TensorView loss, TensorView prediction,
                                         ConstTensorView target, ConstTensorView scale) {
  constexpr std::string_view kOperation = "squared_error_gradient";
  check_f32({kOperation, "scale"}, scale, {1});
  bertyard::squared_error(kOperation, loss, prediction, target, scale, stream_);
}

void CudaLossOps::weighted_cross_entropy(TensorView loss, TensorView correct,
                                         ConstTensorView logits, ConstTensorView labels,
                                         ConstTensorView weights) {
  weighted("weighted_cross_entropy", loss, correct, logits, {labels, weights, {}}, stream_);
}
void CudaLossOps::weighted_cross_entropy_gradient(TensorView loss, TensorView correct,
                                                  TensorView logits,
                                                  const WeightedTargets& targets) {
  constexpr std::string_view kOperation = "weighted_cross_entropy_gradient";
  check_f32({kOperation, "scale"}, targets.scale, {1});
  weighted(kOperation, loss, correct, logits, targets, stream_);
}

void CudaLossOps::span_cross_entropy(TensorView loss, TensorView correct, ConstTensorView logits,
                                     ConstTensorView labels, ConstTensorView offsets) {
  span("span_cross_entropy", loss, correct, logits, {labels, offsets, {}}, stream_);
}
void CudaLossOps::span_cross_entropy_gradient(TensorView loss, TensorView correct,
                                              TensorView logits, const SpanTargets& targets) {
  constexpr std::string_view kOperation = "span_cross_entropy_gradient";
  check_f32({kOperation, "scale"}, targets.scale, {1});
  span(kOperation, loss, correct, logits, targets, stream_);
}

void CudaLossOps::crf(TensorView /*loss*/, ConstTensorView /*emissions*/,
                      const CrfScores& /*scores*/, const CrfRows& /*rows*/) {
  refuse_crf();
}
void CudaLossOps::crf_gradient(TensorView /*loss*/, TensorView /*emissions*/,
                               const CrfGradients& /*gradients*/, const CrfScores& /*scores*/,
                               const CrfRows& /*rows*/, ConstTensorView /*scale*/) {
  refuse_crf();
}

}  // namespace bertyard
