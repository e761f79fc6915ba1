// SPDX-License-Identifier: Apache-2.0
#include "core/backend/cpu/cpu_update_ops.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "core/backend/cpu/tensor_checks.h"
#include "core/base/error.h"

namespace bertyard {
namespace {

constexpr std::int64_t kPiece = 16384;  // elements that one thread takes at a time

void check_segments(std::string_view operation, const UpdatePlan& plan, std::int64_t elements) {
  for (const UpdateSegment& segment : plan.tables().segments) {
    if (segment.offset + segment.elements > elements) {
      throw Error(fmt::format("{}: segment [{}, {}) lies outside the buffer of {} elements",
                              operation, segment.offset, segment.offset + segment.elements,
                              elements));
    }
  }
}

const double* check_scalars(std::string_view operation, const ConstTensorView& scalars) {
  check_tensor({operation, "scalars"}, scalars, DType::f64, {kStepScalarCount});
  return scalars.as<double>();
}

enum class SecondMoment { absent, present };

UpdateRow update_row(std::string_view operation, const UpdateTensors& tensors,
                     const UpdatePlan& plan, const double* scalars, SecondMoment second) {
  const Shape shape = {tensors.parameters.elements()};
  check_f32({operation, "parameters"}, tensors.parameters, shape);
  check_f32({operation, "gradients"}, tensors.gradients, shape);
  check_f32({operation, "first_moment"}, tensors.first_moment, shape);
  if (second == SecondMoment::present) {
    check_f32({operation, "second_moment"}, tensors.second_moment, shape);
  }
  check_segments(operation, plan, shape[0]);
  UpdateRow row;
  row.parameters = tensors.parameters.as<float>();
  row.gradients = tensors.gradients.as<float>();
  row.first = tensors.first_moment.as<float>();
  row.second = tensors.second_moment.as<float>();
  row.gradient_scale = static_cast<float>(scalars[kGradientScale]);
  row.learning_rate = static_cast<float>(scalars[kLearningRate]);
  return row;
}

void set_moments(UpdateRow& row, const MomentConstants& constants) {
  row.beta1 = static_cast<float>(constants.beta1);
  row.beta2 = static_cast<float>(constants.beta2);
  row.complement1 = static_cast<float>(1.0 - constants.beta1);
  row.complement2 = static_cast<float>(1.0 - constants.beta2);
  row.epsilon = static_cast<float>(constants.epsilon);
}

void set_bias_correction(UpdateRow& row, const MomentConstants& constants, double applied_steps) {
  row.correction1 = static_cast<float>(1.0 / (1.0 - std::pow(constants.beta1, applied_steps)));
  row.correction2 = static_cast<float>(1.0 / (1.0 - std::pow(constants.beta2, applied_steps)));
}

}  // namespace

std::unique_ptr<UpdatePlan> CpuUpdateOps::make_plan(UpdateTables tables) {
  return std::make_unique<UpdatePlan>(std::move(tables));
}

void CpuUpdateOps::update(const UpdateRow& row, const UpdatePlan& plan, Kernel kernel) {
#pragma omp parallel num_threads(threads_)
  for (const UpdateSegment& segment : plan.tables().segments) {
#pragma omp for schedule(static) nowait
    for (std::int64_t done = 0; done < segment.elements; done += kPiece) {
      const std::int64_t at = segment.offset + done;
      UpdateRow piece = row;
      piece.parameters += at;
      piece.gradients += at;
      piece.first += at;
      if (piece.second != nullptr) piece.second += at;
      piece.decay = segment.weight_decay;
      kernel(piece, std::min(kPiece, segment.elements - done));
    }
  }
}

void CpuUpdateOps::adamw(const UpdateTensors& tensors, const UpdatePlan& plan,
                         const MomentConstants& constants, ConstTensorView scalars) {
  const double* values = check_scalars("adamw", scalars);
  UpdateRow row = update_row("adamw", tensors, plan, values, SecondMoment::present);
  if (values[kFinite] == 0) return;
  set_moments(row, constants);
  set_bias_correction(row, constants, values[kAppliedSteps]);
  update(row, plan, kernels_.update.adam);
}

void CpuUpdateOps::adam(const UpdateTensors& tensors, const UpdatePlan& plan,
                        const MomentConstants& constants, ConstTensorView scalars) {
  const double* values = check_scalars("adam", scalars);
  UpdateRow row = update_row("adam", tensors, plan, values, SecondMoment::present);
  if (values[kFinite] == 0) return;
  set_moments(row, constants);
  update(row, plan, kernels_.update.adam);
}

void CpuUpdateOps::sgd(const UpdateTensors& tensors, const UpdatePlan& plan, double momentum,
                       ConstTensorView scalars) {
  const double* values = check_scalars("sgd", scalars);
  UpdateRow row = update_row("sgd", tensors, plan, values, SecondMoment::absent);
  if (values[kFinite] == 0) return;
  row.beta1 = static_cast<float>(momentum);
  update(row, plan, kernels_.update.sgd);
}

void CpuUpdateOps::lamb_update(const UpdateTensors& tensors, const UpdatePlan& plan,
                               const MomentConstants& constants, ConstTensorView scalars) {
  const double* values = check_scalars("lamb_update", scalars);
  UpdateRow row = update_row("lamb_update", tensors, plan, values, SecondMoment::present);
  if (values[kFinite] == 0) return;
  set_moments(row, constants);
  set_bias_correction(row, constants, values[kAppliedSteps]);
  update(row, plan, kernels_.update.lamb);
}

void CpuUpdateOps::lamb_apply(TensorView parameters, ConstTensorView update, const UpdatePlan& plan,
                              ConstTensorView parameter_squares, ConstTensorView update_squares,
                              ConstTensorView scalars) {
  const double* values = check_scalars("lamb_apply", scalars);
  const std::int64_t count = plan.tables().tensors();
  check_f32({"lamb_apply", "parameters"}, parameters, {parameters.elements()});
  check_f32({"lamb_apply", "update"}, update, {parameters.elements()});
  check_tensor({"lamb_apply", "parameter_squares"}, parameter_squares, DType::f64, {count});
  check_tensor({"lamb_apply", "update_squares"}, update_squares, DType::f64, {count});
  check_segments("lamb_apply", plan, parameters.elements());
  if (values[kFinite] == 0) return;
#pragma omp parallel num_threads(threads_)
  for (const UpdateSegment& segment : plan.tables().segments) {
    const double p = std::sqrt(parameter_squares.as<double>()[segment.tensor]);
    const double u = std::sqrt(update_squares.as<double>()[segment.tensor]);
    const double ratio = segment.weight_decay != 0 && p > 0 && u > 0 ? p / u : 1.0;
    const auto factor = static_cast<float>(values[kLearningRate] * ratio);
#pragma omp for schedule(static) nowait
    for (std::int64_t done = 0; done < segment.elements; done += kPiece) {
      const std::int64_t at = segment.offset + done;
      kernels_.update.subtract(parameters.as<float>() + at, update.as<float>() + at,
                               std::min(kPiece, segment.elements - done), factor);
    }
  }
}

}  // namespace bertyard
