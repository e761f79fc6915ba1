// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>

#include "core/backend/device.h"
#include "core/tensor/tensor_view.h"

namespace bertyard {

// The losses of a student beside its teacher; everything f32. `scale` f32 [1] is what a gradient
// is multiplied by. Letters: R rows, C columns, N sequences, T tokens, A heads.
class DistillationOps {
 public:
  virtual ~DistillationOps() = default;

  // Hard labels and a teacher's soft ones (Hinton et al. 2015), p = softmax(logits / temperature)
  // and q = softmax(teacher / temperature):
  //   hard[r] = cross entropy, 0 for a negative label;
  //   soft[r] = temperature^2 sum_c q (log q - log p);
  //   logits become hard_scale (softmax(logits) - onehot) + soft_scale temperature (p - q).
  // hard, soft, correct [R]; logits, teacher [R, C]; labels i32 [R]; scales [2]: hard, soft.
  struct Losses {
    TensorView hard, soft, correct;
  };
  struct Targets {
    ConstTensorView labels, teacher, scales;
    double temperature = 1;
  };
  virtual void logits_gradient(const Losses& losses, TensorView logits, const Targets& targets) = 0;

  // The same of where an answer starts and ends, each a softmax over the positions of its sequence:
  // hard[n] and soft[n] are means over the two, correct[n] = 1 where both are right.
  // hard, soft, correct [N]; logits, teacher [T, 2]; labels i32 [N, 2], positions in the sequence;
  // offsets i32 [N + 1].
  virtual void span_gradient(const Losses& losses, TensorView logits, ConstTensorView offsets,
                             const Targets& targets) = 0;

  // Of numbers: hard[r] = (x - y)^2 with the label y, soft[r] = (x - t)^2 with the teacher's t;
  // x becomes 2 hard_scale (x - y) + 2 soft_scale (x - t).   x, teacher [R, 1]; values [R]
  struct Values {
    ConstTensorView values, teacher, scales;
  };
  virtual void value_gradient(TensorView hard, TensorView soft, TensorView x,
                              const Values& targets) = 0;

  // loss[r] = 1 - cos(x[r], target[r]);  dx += its gradient times scale.   loss [R]; others [R, C]
  struct Rows {
    ConstTensorView x, target, scale;
  };
  virtual void cosine_gradient(TensorView loss, TensorView dx, const Rows& rows) = 0;
  // loss[r] = mean over c of (x - target)^2;  dx += 2 (x - target) scale / C.
  virtual void squared_gradient(TensorView loss, TensorView dx, const Rows& rows) = 0;

  // Attention scores, blocks of A x L x L for each sequence in turn: loss[n] = sum over heads,
  // queries and keys of (scores - target)^2 / (A L), so that a query counts the same in any
  // length;  scores become its gradient times scale.   loss [N]; offsets i32 [N + 1]
  struct Scores {
    ConstTensorView target, offsets, scale;
    std::int64_t heads = 0;
  };
  virtual void score_gradient(TensorView loss, TensorView scores, const Scores& targets) = 0;
};

// With the device's instruction set and threads. Throws EnvironmentError for another than a CPU.
std::unique_ptr<DistillationOps> make_distillation_ops(const Device& device);

}  // namespace bertyard
