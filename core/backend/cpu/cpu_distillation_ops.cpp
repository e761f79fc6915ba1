// SPDX-License-Identifier: Apache-2.0
#include "core/backend/cpu/cpu_distillation_ops.h"

#include <cmath>
#include <vector>

#include <fmt/format.h>

#include "core/backend/cpu/kernel_choice.h"
#include "core/backend/cpu/tensor_checks.h"
#include "core/base/error.h"

namespace bertyard {
namespace {

void check_rows(std::string_view operation, const ConstTensorView& loss, const ConstTensorView& dx,
                const DistillationOps::Rows& rows) {
  check_rank({operation, "x"}, rows.x, 2);
  check_f32({operation, "x"}, rows.x, rows.x.shape());
  check_f32({operation, "target"}, rows.target, rows.x.shape());
  check_f32({operation, "dx"}, dx, rows.x.shape());
  check_f32({operation, "loss"}, loss, {rows.x.rows()});
  check_f32({operation, "scale"}, rows.scale, {1});
}

void check_targets(std::string_view operation, const ConstTensorView& logits,
                   const DistillationOps::Targets& targets) {
  check_f32({operation, "logits"}, logits, logits.shape());
  check_f32({operation, "teacher"}, targets.teacher, logits.shape());
  check_f32({operation, "scales"}, targets.scales, {2});
}

void check_losses(std::string_view operation, const DistillationOps::Losses& losses,
                  std::int64_t rows) {
  for (const TensorView& loss : {losses.hard, losses.soft, losses.correct}) {
    check_f32({operation, "losses"}, loss, {rows});
  }
}

void check_label(std::string_view operation, std::int64_t label, std::int64_t classes) {
  if (label < classes) return;
  throw Error(fmt::format("{}: a label is {}, expected below {}", operation, label, classes));
}

// Whether `label` is the first of the greatest.
bool is_first_maximum(const float* x, std::int64_t label, float maximum) {
  if (x[label] != maximum) return false;
  for (std::int64_t c = 0; c < label; ++c) {
    if (x[c] == maximum) return false;
  }
  return true;
}

}  // namespace

void CpuDistillationOps::logits_gradient(const Losses& losses, TensorView logits,
                                         const Targets& targets) {
  constexpr std::string_view kOperation = "logits_gradient";
  check_rank({kOperation, "logits"}, logits, 2);
  const std::int64_t rows = logits.rows(), classes = logits.shape()[1];
  check_targets(kOperation, logits, targets);
  check_tensor({kOperation, "labels"}, targets.labels, DType::i32, {rows});
  check_losses(kOperation, losses, rows);
  for (const std::int32_t label : targets.labels.span<std::int32_t>()) {
    check_label(kOperation, label, classes);
  }
  const auto* scales = targets.scales.as<float>();
#pragma omp parallel for num_threads(threads_) schedule(static)
  for (std::int64_t r = 0; r < rows; ++r) {
    const RowLosses row = row_gradient({.x = logits.as<float>() + r * classes,
                                        .teacher = targets.teacher.as<float>() + r * classes,
                                        .classes = classes,
                                        .label = targets.labels.as<std::int32_t>()[r],
                                        .hard_scale = scales[0],
                                        .soft_scale = scales[1],
                                        .temperature = targets.temperature});
    losses.hard.as<float>()[r] = static_cast<float>(row.hard);
    losses.soft.as<float>()[r] = static_cast<float>(row.soft);
    losses.correct.as<float>()[r] = row.correct ? 1 : 0;
  }
}

// With x the student's and t the teacher's logits less their greatest, a = 1 / temperature:
//   KL(q, p) = sum q a (t - x) - log sum exp a t + log sum exp a x
CpuDistillationOps::RowLosses CpuDistillationOps::row_gradient(const Row& input) const {
  const CrossEntropyKernels& kernels = kernels_.cross_entropy;
  const std::int64_t classes = input.classes;
  float* x = input.x;
  const double temperature = input.temperature;
  const bool labelled = input.label >= 0;
  const auto hard_scale = static_cast<float>(labelled ? input.hard_scale : 0);
  DistillationRow row;
  row.x = x;
  row.t = input.teacher;
  row.maximum_x = kernels.maximum(x, classes);
  row.maximum_t = kernels.maximum(row.t, classes);
  row.a = static_cast<float>(1 / temperature);
  const double sum = kernels.sum_exp(x, classes, row.maximum_x);
  const double student = kernels.sum_exp_at(x, classes, row.maximum_x, row.a);
  const double teacher = kernels.sum_exp_at(row.t, classes, row.maximum_t, row.a);
  const double divergence =
      kernels.exp_difference(row, classes) / teacher - std::log(teacher) + std::log(student);
  RowLosses losses;
  losses.soft = temperature * temperature * divergence;
  if (labelled) {
    losses.hard =
        static_cast<double>(row.maximum_x) + std::log(sum) - static_cast<double>(x[input.label]);
    losses.correct = is_first_maximum(x, input.label, row.maximum_x);
  }
  const double soft_scale = temperature * input.soft_scale;
  row.hard = static_cast<float>(static_cast<double>(hard_scale) / sum);
  row.student = static_cast<float>(soft_scale / student);
  row.teacher = static_cast<float>(soft_scale / teacher);
  kernels.distillation_gradient(row, classes);
  if (labelled) x[input.label] -= hard_scale;
  return losses;
}

void CpuDistillationOps::span_gradient(const Losses& losses, TensorView logits,
                                       ConstTensorView offsets, const Targets& targets) {
  constexpr std::string_view kOperation = "span_gradient";
  check_rank({kOperation, "logits"}, logits, 2);
  const std::int64_t sequences = offsets.rows() - 1;
  check_targets(kOperation, logits, targets);
  check_tensor({kOperation, "labels"}, targets.labels, DType::i32, {sequences, 2});
  check_losses(kOperation, losses, sequences);
  const auto* offset = offsets.as<std::int32_t>();
  const auto* labels = targets.labels.as<std::int32_t>();
  for (std::int64_t i = 0; i < 2 * sequences; ++i) {
    check_label(kOperation, labels[i], offset[i / 2 + 1] - offset[i / 2]);
  }
  const auto* scales = targets.scales.as<float>();
#pragma omp parallel for num_threads(threads_) schedule(static)
  for (std::int64_t n = 0; n < sequences; ++n) {
    const std::int64_t length = offset[n + 1] - offset[n];
    std::vector<float> x(static_cast<std::size_t>(length)), t(x.size());
    RowLosses mean{.hard = 0, .soft = 0, .correct = true};
    for (std::int64_t end = 0; length > 0 && end < 2; ++end) {
      float* column = logits.as<float>() + 2 * offset[n] + end;
      const float* teacher = targets.teacher.as<float>() + 2 * offset[n] + end;
      for (std::int64_t i = 0; i < length; ++i) {
        x[static_cast<std::size_t>(i)] = column[2 * i];
        t[static_cast<std::size_t>(i)] = teacher[2 * i];
      }
      const RowLosses row = row_gradient({.x = x.data(),
                                          .teacher = t.data(),
                                          .classes = length,
                                          .label = labels[2 * n + end],
                                          .hard_scale = 0.5 * static_cast<double>(scales[0]),
                                          .soft_scale = 0.5 * static_cast<double>(scales[1]),
                                          .temperature = targets.temperature});
      for (std::int64_t i = 0; i < length; ++i) column[2 * i] = x[static_cast<std::size_t>(i)];
      mean.hard += 0.5 * row.hard;
      mean.soft += 0.5 * row.soft;
      mean.correct = mean.correct && row.correct;
    }
    losses.hard.as<float>()[n] = static_cast<float>(mean.hard);
    losses.soft.as<float>()[n] = static_cast<float>(mean.soft);
    losses.correct.as<float>()[n] = length > 0 && mean.correct ? 1 : 0;
  }
}

void CpuDistillationOps::value_gradient(TensorView hard, TensorView soft, TensorView x,
                                        const Values& targets) {
  constexpr std::string_view kOperation = "value_gradient";
  const std::int64_t rows = x.rows();
  check_f32({kOperation, "x"}, x, {rows, 1});
  check_f32({kOperation, "teacher"}, targets.teacher, {rows, 1});
  check_f32({kOperation, "values"}, targets.values, {rows});
  check_f32({kOperation, "scales"}, targets.scales, {2});
  check_f32({kOperation, "hard"}, hard, {rows});
  check_f32({kOperation, "soft"}, soft, {rows});
  const auto* scales = targets.scales.as<float>();
  for (std::int64_t r = 0; r < rows; ++r) {
    float& value = x.as<float>()[r];
    const float to_label = value - targets.values.as<float>()[r];
    const float to_teacher = value - targets.teacher.as<float>()[r];
    hard.as<float>()[r] = to_label * to_label;
    soft.as<float>()[r] = to_teacher * to_teacher;
    value = 2 * (scales[0] * to_label + scales[1] * to_teacher);
  }
}

// d cos / dx = t / (|x| |t|) - cos x / |x|^2
void CpuDistillationOps::cosine_gradient(TensorView loss, TensorView dx, const Rows& rows) {
  check_rows("cosine_gradient", loss, dx, rows);
  const ConstTensorView &x = rows.x, &target = rows.target;
  const std::int64_t columns = x.shape()[1];
  const double factor = rows.scale.as<float>()[0];
  const auto dot = kernels_.cross_entropy.dot;
#pragma omp parallel for num_threads(threads_) schedule(static)
  for (std::int64_t r = 0; r < x.rows(); ++r) {
    const float* a = x.as<float>() + r * columns;
    const float* b = target.as<float>() + r * columns;
    constexpr double kTiny = 1e-12;  // of a length squared: torch's guard against zero vectors
    const double aa = dot(a, a, columns) + kTiny, bb = dot(b, b, columns) + kTiny;
    const double length = std::sqrt(aa * bb);
    const double cosine = dot(a, b, columns) / length;
    loss.as<float>()[r] = static_cast<float>(1 - cosine);
    const auto toward = static_cast<float>(factor / length);
    const auto away = static_cast<float>(factor * cosine / aa);
    float* gradient = dx.as<float>() + r * columns;
    for (std::int64_t c = 0; c < columns; ++c) gradient[c] += away * a[c] - toward * b[c];
  }
}

void CpuDistillationOps::squared_gradient(TensorView loss, TensorView dx, const Rows& rows) {
  check_rows("squared_gradient", loss, dx, rows);
  const ConstTensorView &x = rows.x, &target = rows.target;
  const std::int64_t columns = x.shape()[1];
  const auto factor = static_cast<float>(2.0 * static_cast<double>(rows.scale.as<float>()[0]) /
                                         static_cast<double>(columns));
#pragma omp parallel for num_threads(threads_) schedule(static)
  for (std::int64_t r = 0; r < x.rows(); ++r) {
    const float* a = x.as<float>() + r * columns;
    const float* b = target.as<float>() + r * columns;
    float* gradient = dx.as<float>() + r * columns;
    double sum = 0;
    for (std::int64_t c = 0; c < columns; ++c) {
      const float difference = a[c] - b[c];
      sum += static_cast<double>(difference) * static_cast<double>(difference);
      gradient[c] += factor * difference;
    }
    loss.as<float>()[r] = static_cast<float>(sum / static_cast<double>(columns));
  }
}

// Blocks of A x L x L, a sequence after the other.
void CpuDistillationOps::score_gradient(TensorView loss, TensorView scores, const Scores& targets) {
  constexpr std::string_view kOperation = "score_gradient";
  const std::int64_t sequences = targets.offsets.rows() - 1;
  check_f32({kOperation, "loss"}, loss, {sequences});
  check_f32({kOperation, "target"}, targets.target, scores.shape());
  check_f32({kOperation, "scale"}, targets.scale, {1});
  const auto* offset = targets.offsets.as<std::int32_t>();
  const double scale = targets.scale.as<float>()[0];
  std::int64_t elements = 0;
  for (std::int64_t n = 0; n < sequences; ++n) {
    const std::int64_t length = offset[n + 1] - offset[n];
    elements += targets.heads * length * length;
  }
  check_elements({kOperation, "scores"}, scores, elements);
  std::int64_t begin = 0;
  for (std::int64_t n = 0; n < sequences; ++n) {
    const std::int64_t length = offset[n + 1] - offset[n];
    const std::int64_t count = targets.heads * length * length;
    const double weight = length == 0 ? 0 : 1.0 / static_cast<double>(targets.heads * length);
    float* s = scores.as<float>() + begin;
    const float* t = targets.target.as<float>() + begin;
    const auto factor = static_cast<float>(2 * scale * weight);
    double sum = 0;
    for (std::int64_t i = 0; i < count; ++i) {
      const float difference = s[i] - t[i];
      sum += static_cast<double>(difference) * static_cast<double>(difference);
      s[i] = factor * difference;
    }
    loss.as<float>()[n] = static_cast<float>(sum * weight);
    begin += count;
  }
}

std::unique_ptr<DistillationOps> make_distillation_ops(const Device& device) {
  const DeviceInfo info = device.info();
  if (info.kind != DeviceKind::cpu) {
    throw EnvironmentError(fmt::format(
        "{}: distillation is not available on this device; use parallel.backend: cpu", info.name));
  }
  return std::make_unique<CpuDistillationOps>(choose_kernels(info.instruction_set), info.threads);
}

}  // namespace bertyard
