// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "core/backend/layer_ops.h"
#include "core/tensor/tensor_view.h"

namespace bertyard {

// Scores of a conditional random field over C labels (Lafferty et al. 2001), f32.
struct CrfScores {
  ConstTensorView transitions;  // [C, C], from a row's label to a column's
  ConstTensorView start, end;   // [C]
};
struct CrfGradients {
  TensorView transitions, start, end;  // as the scores; added to
};
// The labelled rows of packed sequences, in their order.
struct CrfRows {
  ConstTensorView labels;   // i32 [M]
  ConstTensorView rows;     // i32 [M], ascending rows of [T, H]
  ConstTensorView offsets;  // i32 [N + 1], where the sequences begin
};

// The losses of downstream tasks and what stands right before them, on one device; LayerOps holds
// the rest, and its rules hold here. Letters: R rows, C classes, N sequences, T tokens.
class LossOps {
 public:
  virtual ~LossOps() = default;

  // y = dropout(x), and as its own backward dx = dropout(dy); y may be x.   y, x [R, C]
  // Row r stands at token tokens[r] of dropout.sample and dropout.position; absent: at token r.
  virtual void dropout(TensorView y, ConstTensorView x, ConstTensorView tokens,
                       const Dropout& dropout) = 0;

  // loss[r] = (prediction[r] - target[r])^2.   loss, target f32 [R]; prediction [R, 1]
  virtual void squared_error(TensorView loss, ConstTensorView prediction,
                             ConstTensorView target) = 0;
  // The same, and predictions become 2 (prediction - target) scale. scale f32 [1].
  virtual void squared_error_gradient(TensorView loss, TensorView prediction,
                                      ConstTensorView target, ConstTensorView scale) = 0;

  // As LayerOps::cross_entropy, with loss and gradient of row r times weights[label[r]].
  // weights f32 [C].
  virtual void weighted_cross_entropy(TensorView loss, TensorView correct, ConstTensorView logits,
                                      ConstTensorView labels, ConstTensorView weights) = 0;
  struct WeightedTargets {
    ConstTensorView labels, weights, scale;
  };
  virtual void weighted_cross_entropy_gradient(TensorView loss, TensorView correct,
                                               TensorView logits,
                                               const WeightedTargets& targets) = 0;

  // Where an answer starts and ends, each a softmax over the positions of its sequence: loss[n] =
  // mean over e of log sum_t exp logits[t][e] - logits[offsets[n] + labels[n][e]][e], correct[n] =
  // 1 where both are the first of the greatest. A negative label makes loss and gradient 0.
  // loss, correct f32 [N]; logits [T, 2]; labels i32 [N, 2], positions in the sequence.
  virtual void span_cross_entropy(TensorView loss, TensorView correct, ConstTensorView logits,
                                  ConstTensorView labels, ConstTensorView offsets) = 0;
  // The same, and logits become (softmax - onehot) scale / 2, of tokens behind the last sequence 0.
  // scale f32 [1].
  struct SpanTargets {
    ConstTensorView labels, offsets, scale;
  };
  virtual void span_cross_entropy_gradient(TensorView loss, TensorView correct, TensorView logits,
                                           const SpanTargets& targets) = 0;

  // loss[n] = log Z - score of the gold labels of sequence n's rows, where a path's score is start
  // + emissions + transitions + end and Z sums exp score over all paths. 0 without rows, and where
  // a label is negative.   loss f32 [N]; emissions [M, C]
  virtual void crf(TensorView loss, ConstTensorView emissions, const CrfScores& scores,
                   const CrfRows& rows) = 0;
  // The same, and emissions become (marginal - onehot) scale; gradients += the scores', likewise.
  virtual void crf_gradient(TensorView loss, TensorView emissions, const CrfGradients& gradients,
                            const CrfScores& scores, const CrfRows& rows,
                            ConstTensorView scale) = 0;
};

}  // namespace bertyard
