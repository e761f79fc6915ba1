// SPDX-License-Identifier: Apache-2.0
#include "core/backend/cpu/cpu_distillation_ops.h"

#include <cmath>

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
  check_f32({kOperation, "logits"}, logits, logits.shape());
  check_f32({kOperation, "teacher"}, targets.teacher, logits.shape());
  check_f32({kOperation, "scales"}, targets.scales, {2});
  for (const TensorView& loss : {losses.hard, losses.soft, losses.correct}) {
    check_f32({kOperation, "losses"}, loss, {rows});
  }
  check_tensor({kOperation, "labels"}, targets.labels, DType::i32, {rows});
  for (const std::int32_t label : targets.labels.span<std::int32_t>()) {
    if (label >= classes) {
      throw Error(fmt::format("{}: a label is {}, expected below {}", kOperation, label, classes));
    }
  }
#pragma omp parallel for num_threads(threads_) schedule(static)
  for (std::int64_t r = 0; r < rows; ++r) {
    logits_row(losses, logits.as<float>() + r * classes, r, targets);
  }
}

// With x the student's and t the teacher's logits less their greatest, a = 1 / temperature:
//   KL(q, p) = sum q a (t - x) - log sum exp a t + log sum exp a x
void CpuDistillationOps::logits_row(const Losses& losses, float* x, std::int64_t r,
                                    const Targets& targets) const {
  const CrossEntropyKernels& kernels = kernels_.cross_entropy;
  const std::int64_t classes = targets.teacher.shape()[1];
  const std::int32_t label = targets.labels.as<std::int32_t>()[r];
  const float hard_scale = label < 0 ? 0.0f : targets.scales.as<float>()[0];
  const double temperature = targets.temperature;
  DistillationRow row;
  row.x = x;
  row.t = targets.teacher.as<float>() + r * classes;
  row.maximum_x = kernels.maximum(x, classes);
  row.maximum_t = kernels.maximum(row.t, classes);
  row.a = static_cast<float>(1 / temperature);
  const double sum = kernels.sum_exp(x, classes, row.maximum_x);
  const double student = kernels.sum_exp_at(x, classes, row.maximum_x, row.a);
  const double teacher = kernels.sum_exp_at(row.t, classes, row.maximum_t, row.a);
  const double divergence =
      kernels.exp_difference(row, classes) / teacher - std::log(teacher) + std::log(student);
  losses.soft.as<float>()[r] = static_cast<float>(temperature * temperature * divergence);
  const double value =
      label < 0 ? 0 : static_cast<double>(row.maximum_x) + std::log(sum) - x[label];
  losses.hard.as<float>()[r] = static_cast<float>(value);
  losses.correct.as<float>()[r] = label >= 0 && is_first_maximum(x, label, row.maximum_x) ? 1 : 0;

  const double soft_scale = temperature * targets.scales.as<float>()[1];
  row.hard = static_cast<float>(hard_scale / sum);
  row.student = static_cast<float>(soft_scale / student);
  row.teacher = static_cast<float>(soft_scale / teacher);
  kernels.distillation_gradient(row, classes);
  if (label >= 0) x[label] -= hard_scale;
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
