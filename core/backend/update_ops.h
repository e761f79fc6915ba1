// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>

#include "core/backend/update_plan.h"
#include "core/tensor/tensor_view.h"

namespace bertyard {

class Stream;

// Numbers that change from step to step, in device memory as f64 [kStepScalarCount], so that
// captured graphs read them anew. The host writes the first two, and kLossScale at the start of a
// run; finish_norm() and adapt_loss_scale() write the rest.
enum StepScalar : int {
  kLearningRate = 0,
  kInverseLossScale,  // gradients are multiplied by it; 1 without loss scaling
  kGradientNorm,      // of the unscaled gradients
  kGradientScale,     // inverse loss scale times the clip factor
  kFinite,            // 1, or 0: this update is skipped
  kAppliedSteps,      // updates not skipped so far, this one included
  kLossScale,         // losses are multiplied by it before the backward
  kScaleSteps,        // updates applied since the loss scale changed
  kStepScalarCount,
};

struct MomentConstants {
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-6;
};

// Dynamic loss scaling (Micikevicius et al. 2018): doubled after `interval` applied updates in a
// row, halved at each that was skipped, within the bounds below.
struct LossScaling {
  static constexpr double kSmallest = 1, kLargest = 16777216;
  std::int64_t interval = 2000;
};

// The flat buffers of an update, f32 [n] each: parameters are the master weights.
struct UpdateTensors {
  TensorView parameters;
  TensorView gradients;
  TensorView first_moment;
  TensorView second_moment;
};

// Optimizer arithmetic on one device. g below is gradient * kGradientScale; lr is kLearningRate;
// t is kAppliedSteps; nothing is written where kFinite is 0. Elements outside every segment stay as
// they are. Arithmetic is f32, elementwise, so results do not depend on how work is split. Runs on
// the compute stream except where a stream is given, allocates nothing but in make_plan(), and
// waits only in hash(). No two tensors of a call overlap.
class UpdateOps {
 public:
  virtual ~UpdateOps() = default;

  // The tables of an update where this device wants them; waits for the device.
  virtual std::unique_ptr<UpdatePlan> make_plan(UpdateTables tables) = 0;

  // sums[c] = sum of x^2 over chunk c, in f64, in a fixed order.   sums f64 [chunks]; x f32 [n]
  virtual void sums_of_squares(TensorView sums, ConstTensorView x, const UpdatePlan& plan) = 0;
  // norm = sqrt(sums added in index order) * kInverseLossScale;  kFinite = norm is finite;
  // kGradientScale = kInverseLossScale * (clip_norm > 0 and norm > clip_norm ? clip_norm / norm
  // : 1);  kAppliedSteps += kFinite.
  virtual void finish_norm(TensorView scalars, ConstTensorView sums, double clip_norm) = 0;

  // m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;
  // p -= lr ((m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps) + decay p)   (AdamW)
  virtual void adamw(const UpdateTensors& tensors, const UpdatePlan& plan,
                     const MomentConstants& constants, ConstTensorView scalars) = 0;
  // The same without bias correction: p -= lr (m / (sqrt(v) + eps) + decay p)   (Google's BERT)
  virtual void adam(const UpdateTensors& tensors, const UpdatePlan& plan,
                    const MomentConstants& constants, ConstTensorView scalars) = 0;
  // m = b1 m + g + decay p;  p -= lr m   (momentum b1)
  virtual void sgd(const UpdateTensors& tensors, const UpdatePlan& plan, double momentum,
                   ConstTensorView scalars) = 0;

  // LAMB, apex's form, in two halves. First: m and v as in AdamW, and
  // gradients = (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps) + decay p.
  virtual void lamb_update(const UpdateTensors& tensors, const UpdatePlan& plan,
                           const MomentConstants& constants, ConstTensorView scalars) = 0;
  // Then, with |p| and |u| from sums of squares that the caller adds per tensor:
  // ratio = decay != 0 and |p| > 0 and |u| > 0 ? |p| / |u| : 1;  p -= lr ratio u.
  // parameter_squares, update_squares f64, one a tensor: UpdateSegment::tensor is the index
  virtual void lamb_apply(TensorView parameters, ConstTensorView update, const UpdatePlan& plan,
                          ConstTensorView parameter_squares, ConstTensorView update_squares,
                          ConstTensorView scalars) = 0;
  // out[s] = sum of the chunks of segment s, in index order.   out f64 [segments]; sums f64
  // [chunks]
  virtual void add_chunks(TensorView out, ConstTensorView sums, const UpdatePlan& plan) = 0;

  // scales = factors * kLossScale, what a loss's gradient is multiplied by.   f32 [n] each
  virtual void scale_losses(TensorView scales, ConstTensorView factors,
                            ConstTensorView scalars) = 0;
  // After an update: kLossScale, kInverseLossScale and kScaleSteps follow kFinite.
  virtual void adapt_loss_scale(TensorView scalars, const LossScaling& scaling) = 0;

  // to = from, rounded to nearest even where `to` is narrower.   f32, bf16, f16
  virtual void cast(TensorView to, ConstTensorView from, Stream& stream) = 0;
  // finite[0] = 1 where every element of x is finite, else 0.   finite i32 [1]; x f32
  virtual void check_finite(TensorView finite, ConstTensorView x) = 0;
  // sum += addend, elementwise: one step of a tree of leaves.   f32 [n]
  virtual void add(TensorView sum, ConstTensorView addend, Stream& stream) = 0;
  // XXH3 of the bytes of x; waits for the device.
  virtual std::uint64_t hash(ConstTensorView x) = 0;
};

}  // namespace bertyard
