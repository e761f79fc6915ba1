// SPDX-License-Identifier: Apache-2.0
#include "core/backend/cpu/cpu_loss_ops.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <fmt/format.h>

#include "core/backend/cpu/dropout_row.h"
#include "core/backend/cpu/small_rows.h"
#include "core/backend/cpu/tensor_checks.h"
#include "core/base/error.h"

namespace bertyard {
namespace {

void check_activations(Argument argument, const ConstTensorView& found, const Shape& shape) {
  check_activation(argument, found, found.dtype(), shape);
}

// The classes of one row, or the positions of one end of one span: `count` elements, `stride`
// apart.
struct Choice {
  std::int64_t first = 0, stride = 1, count = 0;
  std::int64_t at(std::int64_t i) const { return first + i * stride; }
};

struct ChoiceLoss {
  double maximum = 0;
  double sum = 0;  // of exp(x - maximum)
  float loss = 0;
  bool correct = false;
};

ChoiceLoss loss_of(const Elements& logits, const Choice& choice, std::int64_t label) {
  ChoiceLoss result;
  std::int64_t greatest = 0;
  for (std::int64_t i = 1; i < choice.count; ++i) {
    if (logits[choice.at(i)] > logits[choice.at(greatest)]) greatest = i;
  }
  result.maximum = logits[choice.at(greatest)];
  for (std::int64_t i = 0; i < choice.count; ++i) {
    result.sum += std::exp(logits[choice.at(i)] - result.maximum);
  }
  result.loss =
      static_cast<float>(result.maximum + std::log(result.sum) - logits[choice.at(label)]);
  result.correct = greatest == label;
  return result;
}

// logits = (softmax - onehot) scale
void make_gradient(const WritableElements& logits, const Choice& choice, std::int64_t label,
                   const ChoiceLoss& found, double scale) {
  for (std::int64_t i = 0; i < choice.count; ++i) {
    const double p = std::exp(logits[choice.at(i)] - found.maximum) / found.sum;
    logits.set(choice.at(i), static_cast<float>((p - (i == label ? 1.0 : 0.0)) * scale));
  }
}

void clear(const WritableElements& logits, const Choice& choice) {
  for (std::int64_t i = 0; i < choice.count; ++i) logits.set(choice.at(i), 0.0f);
}

void check_squared_error(std::string_view operation, const ConstTensorView& loss,
                         const ConstTensorView& prediction, const ConstTensorView& target) {
  check_rank({operation, "prediction"}, prediction, 2);
  check_activations({operation, "prediction"}, prediction, {prediction.rows(), 1});
  check_f32({operation, "loss"}, loss, {prediction.rows()});
  check_f32({operation, "target"}, target, {prediction.rows()});
}

void check_below(std::string_view operation, std::int64_t label, std::int64_t bound) {
  if (label < bound) return;
  throw Error(fmt::format("{}: a label is {}, expected below {}", operation, label, bound));
}

void check_weighted(std::string_view operation, const ConstTensorView& loss,
                    const ConstTensorView& correct, const ConstTensorView& logits,
                    const ConstTensorView& labels, const ConstTensorView& weights) {
  check_rank({operation, "logits"}, logits, 2);
  check_activations({operation, "logits"}, logits, logits.shape());
  check_f32({operation, "loss"}, loss, {logits.rows()});
  check_f32({operation, "correct"}, correct, {logits.rows()});
  check_f32({operation, "weights"}, weights, {logits.shape()[1]});
  check_tensor({operation, "labels"}, labels, DType::i32, {logits.rows()});
  for (const std::int32_t label : labels.span<std::int32_t>()) {
    check_below(operation, label, logits.shape()[1]);
  }
}

void check_span(std::string_view operation, const ConstTensorView& loss,
                const ConstTensorView& correct, const ConstTensorView& logits,
                const ConstTensorView& labels, const ConstTensorView& offsets) {
  const std::int64_t sequences = offsets.rows() - 1;
  check_activations({operation, "logits"}, logits, {logits.rows(), 2});
  check_tensor({operation, "offsets"}, offsets, DType::i32, {sequences + 1});
  check_tensor({operation, "labels"}, labels, DType::i32, {sequences, 2});
  check_f32({operation, "loss"}, loss, {sequences});
  check_f32({operation, "correct"}, correct, {sequences});
  const auto* offset = offsets.as<std::int32_t>();
  for (std::int64_t n = 0; n < sequences; ++n) {
    for (int e = 0; e < 2; ++e) {
      check_below(operation, labels.as<std::int32_t>()[2 * n + e], offset[n + 1] - offset[n]);
    }
  }
}

// The start or the end of the answer in sequence n.
Choice end_of(const ConstTensorView& offsets, std::int64_t n, int end) {
  const auto* offset = offsets.as<std::int32_t>();
  return {2 * std::int64_t{offset[n]} + end, 2, offset[n + 1] - offset[n]};
}

}  // namespace

void CpuLossOps::dropout(TensorView y, ConstTensorView x, ConstTensorView tokens,
                         const Dropout& dropout) {
  constexpr std::string_view kOperation = "dropout";
  check_rank({kOperation, "x"}, x, 2);
  check_activations({kOperation, "x"}, x, x.shape());
  check_activation({kOperation, "y"}, y, x.dtype(), x.shape());
  const bool chosen = tokens.present() && dropout.probability != 0;
  const std::int64_t places = chosen ? dropout.sample.rows() : x.rows();
  if (chosen) check_indices({kOperation, "tokens"}, tokens, x.rows(), places);
  const DropoutRows decisions(kOperation, dropout, places);
  if (x.dtype() == DType::f32) return drop_f32(y, x, tokens, decisions);
  const std::int64_t columns = x.shape()[1];
  const Elements in(x);
  const WritableElements out(y);
#pragma omp parallel num_threads(threads_)
  {
    std::vector<float> row(static_cast<std::size_t>(columns));
#pragma omp for schedule(static)
    for (std::int64_t r = 0; r < x.rows(); ++r) {
      for (std::int64_t c = 0; c < columns; ++c)
        row[static_cast<std::size_t>(c)] = in[r * columns + c];
      if (decisions.active()) {
        const std::int64_t token = tokens.present() ? tokens.as<std::int32_t>()[r] : r;
        kernels_.norm.dropout_add(row.data(), row.data(), nullptr, columns, decisions.row(token));
      }
      for (std::int64_t c = 0; c < columns; ++c)
        out.set(r * columns + c, row[static_cast<std::size_t>(c)]);
    }
  }
}

void CpuLossOps::drop_f32(TensorView y, const ConstTensorView& x, const ConstTensorView& tokens,
                          const DropoutRows& decisions) const {
  const std::int64_t columns = x.shape()[1];
#pragma omp parallel for num_threads(threads_) schedule(static)
  for (std::int64_t r = 0; r < x.rows(); ++r) {
    const float* from = x.as<float>() + r * columns;
    float* to = y.as<float>() + r * columns;
    if (decisions.active()) {
      const std::int64_t token = tokens.present() ? tokens.as<std::int32_t>()[r] : r;
      kernels_.norm.dropout_add(to, from, nullptr, columns, decisions.row(token));
    } else if (to != from) {
      std::copy_n(from, columns, to);
    }
  }
}

void CpuLossOps::squared_error(TensorView loss, ConstTensorView prediction,
                               ConstTensorView target) {
  check_squared_error("squared_error", loss, prediction, target);
  const Elements predicted(prediction);
  for (std::int64_t r = 0; r < prediction.rows(); ++r) {
    const float difference = predicted[r] - target.as<float>()[r];
    loss.as<float>()[r] = difference * difference;
  }
}

// dprediction = 2 (prediction - target) scale
void CpuLossOps::squared_error_gradient(TensorView loss, TensorView prediction,
                                        ConstTensorView target, ConstTensorView scale) {
  check_squared_error("squared_error_gradient", loss, prediction, target);
  check_f32({"squared_error_gradient", "scale"}, scale, {1});
  const WritableElements predicted(prediction);
  for (std::int64_t r = 0; r < prediction.rows(); ++r) {
    const float difference = predicted[r] - target.as<float>()[r];
    loss.as<float>()[r] = difference * difference;
    predicted.set(r, 2 * difference * scale.as<float>()[0]);
  }
}

void CpuLossOps::weighted_cross_entropy(TensorView loss, TensorView correct, ConstTensorView logits,
                                        ConstTensorView labels, ConstTensorView weights) {
  check_weighted("weighted_cross_entropy", loss, correct, logits, labels, weights);
  const Elements x(logits);
  const std::int64_t classes = logits.shape()[1];
#pragma omp parallel for num_threads(threads_) schedule(static)
  for (std::int64_t r = 0; r < logits.rows(); ++r) {
    const std::int32_t label = labels.as<std::int32_t>()[r];
    ChoiceLoss found;
    if (label >= 0) found = loss_of(x, {r * classes, 1, classes}, label);
    const float weight = label >= 0 ? weights.as<float>()[label] : 0.0f;
    loss.as<float>()[r] = weight * found.loss;
    correct.as<float>()[r] = found.correct ? 1.0f : 0.0f;
  }
}

// dlogits = (softmax - onehot) weights[label] scale
void CpuLossOps::weighted_cross_entropy_gradient(TensorView loss, TensorView correct,
                                                 TensorView logits,
                                                 const WeightedTargets& targets) {
  constexpr std::string_view kOperation = "weighted_cross_entropy_gradient";
  check_weighted(kOperation, loss, correct, logits, targets.labels, targets.weights);
  check_f32({kOperation, "scale"}, targets.scale, {1});
  const WritableElements x(logits);
  const std::int64_t classes = logits.shape()[1];
#pragma omp parallel for num_threads(threads_) schedule(static)
  for (std::int64_t r = 0; r < logits.rows(); ++r) {
    const std::int32_t label = targets.labels.as<std::int32_t>()[r];
    const Choice choice{r * classes, 1, classes};
    ChoiceLoss found;
    float weight = 0;
    if (label >= 0) {
      weight = targets.weights.as<float>()[label];
      found = loss_of(x, choice, label);
      make_gradient(x, choice, label, found,
                    static_cast<double>(weight) * targets.scale.as<float>()[0]);
    } else {
      clear(x, choice);
    }
    loss.as<float>()[r] = weight * found.loss;
    correct.as<float>()[r] = found.correct ? 1.0f : 0.0f;
  }
}

void CpuLossOps::span_cross_entropy(TensorView loss, TensorView correct, ConstTensorView logits,
                                    ConstTensorView labels, ConstTensorView offsets) {
  check_span("span_cross_entropy", loss, correct, logits, labels, offsets);
  const Elements x(logits);
#pragma omp parallel for num_threads(threads_) schedule(static)
  for (std::int64_t n = 0; n < offsets.rows() - 1; ++n) {
    float sum = 0;
    bool both = true;
    for (int e = 0; e < 2; ++e) {
      const std::int32_t label = labels.as<std::int32_t>()[2 * n + e];
      const ChoiceLoss found = label < 0 ? ChoiceLoss() : loss_of(x, end_of(offsets, n, e), label);
      sum += found.loss;
      both = both && found.correct;
    }
    loss.as<float>()[n] = sum / 2;
    correct.as<float>()[n] = both ? 1.0f : 0.0f;
  }
}

// dlogits = (softmax - onehot) scale / 2
void CpuLossOps::span_cross_entropy_gradient(TensorView loss, TensorView correct, TensorView logits,
                                             const SpanTargets& targets) {
  constexpr std::string_view kOperation = "span_cross_entropy_gradient";
  check_span(kOperation, loss, correct, logits, targets.labels, targets.offsets);
  check_f32({kOperation, "scale"}, targets.scale, {1});
  const WritableElements x(logits);
  const double scale = targets.scale.as<float>()[0] / 2.0;
  const std::int64_t end = targets.offsets.as<std::int32_t>()[targets.offsets.rows() - 1];
  clear(x, {2 * end, 1, 2 * (logits.rows() - end)});
#pragma omp parallel for num_threads(threads_) schedule(static)
  for (std::int64_t n = 0; n < targets.offsets.rows() - 1; ++n) {
    float sum = 0;
    bool both = true;
    for (int e = 0; e < 2; ++e) {
      const std::int32_t label = targets.labels.as<std::int32_t>()[2 * n + e];
      const Choice choice = end_of(targets.offsets, n, e);
      const ChoiceLoss found = label < 0 ? ChoiceLoss() : loss_of(x, choice, label);
      if (label < 0) {
        clear(x, choice);
      } else {
        make_gradient(x, choice, label, found, scale);
      }
      sum += found.loss;
      both = both && found.correct;
    }
    loss.as<float>()[n] = sum / 2;
    correct.as<float>()[n] = both ? 1.0f : 0.0f;
  }
}

}  // namespace bertyard
