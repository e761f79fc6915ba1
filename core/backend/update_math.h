// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>

#include "core/backend/update_ops.h"
#include "core/base/host_device.h"

namespace bertyard {

// The optimizers' arithmetic of one element, in f32, that kernels on a GPU and tests on the host
// share; update_ops.h has the formulas.

// Constants of one update, rounded once.
struct UpdateFactors {
  float gradient_scale = 1, learning_rate = 0;
  float beta1 = 0, beta2 = 0, epsilon = 0;
  float complement1 = 1, complement2 = 1;  // 1 - b
  float correction1 = 1, correction2 = 1;  // 1 / (1 - b^t), or 1
};

enum class BiasCorrection { yes, no };
BERTYARD_HOST_DEVICE inline UpdateFactors update_factors(const double* scalars,
                                                         const MomentConstants& constants,
                                                         BiasCorrection correction) {
  UpdateFactors f;
  f.gradient_scale = static_cast<float>(scalars[kGradientScale]);
  f.learning_rate = static_cast<float>(scalars[kLearningRate]);
  f.beta1 = static_cast<float>(constants.beta1);
  f.beta2 = static_cast<float>(constants.beta2);
  f.epsilon = static_cast<float>(constants.epsilon);
  f.complement1 = static_cast<float>(1.0 - constants.beta1);
  f.complement2 = static_cast<float>(1.0 - constants.beta2);
  if (correction == BiasCorrection::yes) {
    const double t = scalars[kAppliedSteps];
    f.correction1 = static_cast<float>(1.0 / (1.0 - pow(constants.beta1, t)));
    f.correction2 = static_cast<float>(1.0 / (1.0 - pow(constants.beta2, t)));
  }
  return f;
}

struct UpdateElement {
  float parameter, gradient, first, second;
};

// m and v of one element, and the bias-corrected step m c1 / (sqrt(v c2) + eps).
BERTYARD_HOST_DEVICE inline float moment_step(UpdateElement& e, const UpdateFactors& f) {
  const float g = e.gradient * f.gradient_scale;
  e.first = f.beta1 * e.first + f.complement1 * g;
  e.second = f.beta2 * e.second + f.complement2 * g * g;
  return e.first * f.correction1 / (sqrtf(e.second * f.correction2) + f.epsilon);
}

struct AdamUpdate {
  static constexpr bool kSecondMoment = true, kWritesGradient = false;
  BERTYARD_HOST_DEVICE static void apply(UpdateElement& e, const UpdateFactors& f, float decay) {
    e.parameter -= f.learning_rate * (moment_step(e, f) + decay * e.parameter);
  }
};

struct SgdUpdate {
  static constexpr bool kSecondMoment = false, kWritesGradient = false;
  BERTYARD_HOST_DEVICE static void apply(UpdateElement& e, const UpdateFactors& f, float decay) {
    e.first = f.beta1 * e.first + e.gradient * f.gradient_scale + decay * e.parameter;
    e.parameter -= f.learning_rate * e.first;
  }
};

// The first half of LAMB: the update takes the gradient's place.
struct LambUpdate {
  static constexpr bool kSecondMoment = true, kWritesGradient = true;
  BERTYARD_HOST_DEVICE static void apply(UpdateElement& e, const UpdateFactors& f, float decay) {
    e.gradient = moment_step(e, f) + decay * e.parameter;
  }
};

// lr times the trust ratio |p| / |u|.
BERTYARD_HOST_DEVICE inline float lamb_factor(double learning_rate, double parameter_squares,
                                              double update_squares, float decay) {
  const double p = sqrt(parameter_squares), u = sqrt(update_squares);
  const double ratio = decay != 0 && p > 0 && u > 0 ? p / u : 1.0;
  return static_cast<float>(learning_rate * ratio);
}

BERTYARD_HOST_DEVICE inline void finish_norm_in(double* scalars, double squares, double clip_norm) {
  const double norm = sqrt(squares) * scalars[kInverseLossScale];
  const bool finite = norm - norm == 0;
  const double clip = clip_norm > 0 && norm > clip_norm ? clip_norm / norm : 1.0;
  scalars[kGradientNorm] = norm;
  scalars[kFinite] = finite ? 1 : 0;
  scalars[kGradientScale] = scalars[kInverseLossScale] * clip;
  scalars[kAppliedSteps] += scalars[kFinite];
}

BERTYARD_HOST_DEVICE inline void adapt_loss_scale_in(double* scalars, const LossScaling& scaling) {
  const bool applied = scalars[kFinite] != 0;
  const double steps = applied ? scalars[kScaleSteps] + 1 : 0;
  const bool grows = steps >= static_cast<double>(scaling.interval);
  double scale = scalars[kLossScale] * (applied ? grows ? 2.0 : 1.0 : 0.5);
  if (scale < LossScaling::kSmallest) scale = LossScaling::kSmallest;
  if (scale > LossScaling::kLargest) scale = LossScaling::kLargest;
  scalars[kScaleSteps] = grows ? 0 : steps;
  scalars[kLossScale] = scale;
  scalars[kInverseLossScale] = 1 / scale;
}

}  // namespace bertyard
