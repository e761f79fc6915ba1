// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace bertyard {

enum class OptimizerKind {
  adamw,  // with bias correction, decoupled weight decay (Loshchilov and Hutter 2019)
  adam,   // Google's BERT: no bias correction, decay added to the update
  lamb,   // You et al. 2020 in the form of apex's FusedLAMB
  sgd,    // with momentum betas[0]
};

enum class Decay { linear, polynomial, constant, cosine };

// How the two published recipes join warm-up and decay: bert-facts, b.7.
enum class ScheduleForm {
  google,  // decay counts from step 0, so the rate drops a little where warm-up ends; first rate 0
  nvidia,  // rate of step t is that of t + 1: DeepLearningExamples' PolyWarmUp
};

struct OptimizerOptions {
  OptimizerKind kind = OptimizerKind::adamw;
  double learning_rate = 1e-4;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-6;
  double weight_decay = 0.01;  // never on biases and LayerNorm parameters
  double clip_norm = 1.0;      // global L2 norm; 0 means no clipping
  bool operator==(const OptimizerOptions&) const = default;
};

}  // namespace bertyard
