// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include <fmt/format.h>

#include "core/backend/cpu/cpu_layer_ops.h"
#include "core/backend/cpu/float_rows.h"
#include "core/backend/cpu/tensor_checks.h"
#include "core/base/error.h"

namespace bertyard {
namespace {

struct CrossEntropyRow {
  float maximum;
  double sum;  // of exp(x - maximum)
  double log_sum() const { return static_cast<double>(maximum) + std::log(sum); }
};

CrossEntropyRow reduce(const CrossEntropyKernels& kernels, const float* logits,
                       std::int64_t classes) {
  const float maximum = kernels.maximum(logits, classes);
  return {maximum, kernels.sum_exp(logits, classes, maximum)};
}

// Whether `label` is the first of the greatest logits.
bool is_first_maximum(const float* logits, std::int64_t label, float maximum) {
  if (logits[label] != maximum) return false;
  for (std::int64_t c = 0; c < label; ++c) {
    if (logits[c] == maximum) return false;
  }
  return true;
}

void check_labels(std::string_view operation, const ConstTensorView& labels, std::int64_t rows,
                  std::int64_t classes) {
  check_tensor({operation, "labels"}, labels, DType::i32, {rows});
  const auto* label = labels.as<std::int32_t>();
  for (std::int64_t r = 0; r < rows; ++r) {
    if (label[r] >= classes) {
      throw Error(
          fmt::format("{}: labels[{}] is {}, expected below {}", operation, r, label[r], classes));
    }
  }
}

void check_hard_targets(std::string_view operation, const ConstTensorView& loss,
                        const ConstTensorView& correct, const ConstTensorView& logits,
                        const ConstTensorView& labels) {
  check_rank({operation, "logits"}, logits, 2);
  check_activation({operation, "logits"}, logits, logits.dtype(), logits.shape());
  check_f32({operation, "loss"}, loss, {logits.rows()});
  check_f32({operation, "correct"}, correct, {logits.rows()});
  check_labels(operation, labels, logits.rows(), logits.shape()[1]);
}

}  // namespace

void CpuLayerOps::cross_entropy(TensorView loss, TensorView correct, ConstTensorView logits,
                                ConstTensorView labels) {
  check_hard_targets("cross_entropy", loss, correct, logits, labels);
  const std::int64_t classes = logits.shape()[1];
  const auto* label = labels.as<std::int32_t>();
  const FloatRows rows(kernels_.cast, logits);
  const RowScratch scratch = workspace_.rows("cross_entropy", logits);
#pragma omp parallel for num_threads(threads_) schedule(static)
  for (std::int64_t r = 0; r < logits.rows(); ++r) {
    float row_loss = 0;
    bool row_correct = false;
    if (label[r] >= 0) {
      const float* x = rows.read(r, scratch.row(0));
      const CrossEntropyRow row = reduce(kernels_.cross_entropy, x, classes);
      row_loss = static_cast<float>(row.log_sum() - static_cast<double>(x[label[r]]));
      row_correct = is_first_maximum(x, label[r], row.maximum);
    }
    loss.as<float>()[r] = row_loss;
    correct.as<float>()[r] = row_correct ? 1.0f : 0.0f;
  }
}

// dlogits = (softmax - onehot) scale, 0 where the label is negative
void CpuLayerOps::cross_entropy_gradient(TensorView loss, TensorView correct, TensorView logits,
                                         ConstTensorView labels, ConstTensorView scale) {
  check_hard_targets("cross_entropy_gradient", loss, correct, logits, labels);
  check_f32({"cross_entropy_gradient", "scale"}, scale, {1});
  const std::int64_t classes = logits.shape()[1];
  const auto* label = labels.as<std::int32_t>();
  const float factor = scale.as<float>()[0];
  const WritableFloatRows rows(kernels_.cast, logits);
  const RowScratch scratch = workspace_.rows("cross_entropy_gradient", logits);
#pragma omp parallel for num_threads(threads_) schedule(static)
  for (std::int64_t r = 0; r < logits.rows(); ++r) {
    float* x = rows.row(r, scratch.row(0));
    float row_loss = 0;
    bool row_correct = false;
    if (label[r] >= 0) {
      rows.read(r, x);
      const CrossEntropyRow row = reduce(kernels_.cross_entropy, x, classes);
      row_loss = static_cast<float>(row.log_sum() - static_cast<double>(x[label[r]]));
      row_correct = is_first_maximum(x, label[r], row.maximum);
      kernels_.cross_entropy.scaled_exp(x, classes, row.maximum,
                                        static_cast<float>(factor / row.sum));
      x[label[r]] -= factor;
    } else {
      for (std::int64_t c = 0; c < classes; ++c) x[c] = 0.0f;
    }
    rows.finish(r, x);
    loss.as<float>()[r] = row_loss;
    correct.as<float>()[r] = row_correct ? 1.0f : 0.0f;
  }
}

// dlogits = (softmax - target) scale
void CpuLayerOps::soft_cross_entropy_gradient(TensorView loss, TensorView logits,
                                              ConstTensorView target, ConstTensorView scale) {
  constexpr std::string_view kOperation = "soft_cross_entropy_gradient";
  check_rank({kOperation, "logits"}, logits, 2);
  check_activation({kOperation, "logits"}, logits, logits.dtype(), logits.shape());
  check_f32({kOperation, "target"}, target, logits.shape());
  check_f32({kOperation, "loss"}, loss, {logits.rows()});
  check_f32({kOperation, "scale"}, scale, {1});
  const std::int64_t classes = logits.shape()[1];
  const float factor = scale.as<float>()[0];
  const WritableFloatRows rows(kernels_.cast, logits);
  const RowScratch scratch = workspace_.rows(kOperation, logits);
#pragma omp parallel for num_threads(threads_) schedule(static)
  for (std::int64_t r = 0; r < logits.rows(); ++r) {
    float* x = rows.row(r, scratch.row(0));
    rows.read(r, x);
    const float* wanted = target.as<float>() + r * classes;
    const CrossEntropyRow row = reduce(kernels_.cross_entropy, x, classes);
    const double agreement = kernels_.cross_entropy.dot(wanted, x, classes);
    const double mass = kernels_.cross_entropy.sum(wanted, classes);
    loss.as<float>()[r] = static_cast<float>(mass * row.log_sum() - agreement);
    kernels_.cross_entropy.soft_gradient(x, wanted, classes, row.maximum,
                                         static_cast<float>(factor / row.sum), factor);
    rows.finish(r, x);
  }
}

void CpuLayerOps::add_sum(TensorView sum, ConstTensorView x) {
  check_tensor({"add_sum", "sum"}, sum, DType::f64, {1});
  check_f32({"add_sum", "x"}, x, {x.elements()});
  double total = sum.as<double>()[0];
  for (const float value : x.span<float>()) total += static_cast<double>(value);
  sum.as<double>()[0] = total;
}

}  // namespace bertyard
