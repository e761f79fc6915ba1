// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "core/tensor/tensor_view.h"

namespace bertyard {

// A tensor's place in the flat buffers, as the optimizer sees it.
struct UpdateSegment {
  std::int64_t offset = 0;
  std::int64_t elements = 0;
  float weight_decay = 0;  // 0 for biases and LayerNorm
};

// Chunks of at most kElements that span no two tensors: the unit of ordered norms and of sharding
// (design, 4.4).
struct NormChunk {
  static constexpr std::int64_t kElements = 4096;
  std::int64_t offset = 0;
  std::int64_t elements = 0;
};

// Numbers that change from step to step, in device memory as f64 [kStepScalarCount], so that
// captured graphs read them anew. The host writes the first two; finish_norm() writes the rest.
enum StepScalar : int {
  kLearningRate = 0,
  kInverseLossScale,  // gradients are multiplied by it; 1 without loss scaling
  kGradientNorm,      // of the unscaled gradients
  kGradientScale,     // inverse loss scale times the clip factor
  kFinite,            // 1, or 0: this update is skipped
  kAppliedSteps,      // updates not skipped so far, this one included
  kStepScalarCount,
};

struct MomentConstants {
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-6;
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
// they are. Arithmetic is f32, elementwise, so results do not depend on how work is split.
class UpdateOps {
 public:
  virtual ~UpdateOps() = default;

  // sums[c] = sum of x^2 over chunk c, in f64, in a fixed order.   sums f64 [chunks]; x f32 [n]
  virtual void sums_of_squares(TensorView sums, ConstTensorView x,
                               std::span<const NormChunk> chunks) = 0;
  // norm = sqrt(sums added in index order) * kInverseLossScale;  kFinite = norm is finite;
  // kGradientScale = kInverseLossScale * (clip_norm > 0 and norm > clip_norm ? clip_norm / norm
  // : 1);  kAppliedSteps += kFinite.
  virtual void finish_norm(TensorView scalars, ConstTensorView sums, double clip_norm) = 0;

  // m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;
  // p -= lr ((m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps) + decay p)   (AdamW)
  virtual void adamw(const UpdateTensors& tensors, std::span<const UpdateSegment> segments,
                     const MomentConstants& constants, ConstTensorView scalars) = 0;
  // The same without bias correction: p -= lr (m / (sqrt(v) + eps) + decay p)   (Google's BERT)
  virtual void adam(const UpdateTensors& tensors, std::span<const UpdateSegment> segments,
                    const MomentConstants& constants, ConstTensorView scalars) = 0;
  // m = b1 m + g + decay p;  p -= lr m   (momentum b1)
  virtual void sgd(const UpdateTensors& tensors, std::span<const UpdateSegment> segments,
                   double momentum, ConstTensorView scalars) = 0;

  // LAMB, apex's form, in two halves. First: m and v as in AdamW, and
  // gradients = (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps) + decay p.
  virtual void lamb_update(const UpdateTensors& tensors, std::span<const UpdateSegment> segments,
                           const MomentConstants& constants, ConstTensorView scalars) = 0;
  // Then, with |p| and |u| from sums of squares that the caller adds per tensor:
  // ratio = decay != 0 and |p| > 0 and |u| > 0 ? |p| / |u| : 1;  p -= lr ratio u.
  // parameter_squares, update_squares f64 [segments]
  virtual void lamb_apply(TensorView parameters, ConstTensorView update,
                          std::span<const UpdateSegment> segments,
                          ConstTensorView parameter_squares, ConstTensorView update_squares,
                          ConstTensorView scalars) = 0;
  // out[s] = sum of sums[first[s]] to sums[first[s + 1] - 1], in index order.   f64
  virtual void add_chunks(TensorView out, ConstTensorView sums,
                          std::span<const std::int64_t> first) = 0;

  // to = from, rounded to nearest even where `to` is narrower.   f32, bf16, f16
  virtual void cast(TensorView to, ConstTensorView from) = 0;
  // finite[0] = 1 where every element of x is finite, else 0.   finite i32 [1]; x f32
  virtual void check_finite(TensorView finite, ConstTensorView x) = 0;
  // sum += addend, elementwise: one step of a tree of leaves.   f32 [n]
  virtual void add(TensorView sum, ConstTensorView addend) = 0;
  // XXH3 of the bytes of x; waits for the device.
  virtual std::uint64_t hash(ConstTensorView x) = 0;
};

}  // namespace bertyard
