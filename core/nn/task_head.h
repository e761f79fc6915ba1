// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "core/nn/head_config.h"
#include "core/nn/mlm_head.h"
#include "core/nn/model_config.h"
#include "core/nn/pass.h"
#include "core/tensor/arena.h"

namespace bertyard {

// What multiplies a task's loss and gradient.
struct TaskWeights {
  ConstTensorView scale;    // f32 [1]: 1 / what the loss is a mean over
  ConstTensorView classes;  // f32 [C], of each class; absent: all 1
};

// A head of a downstream task, between the encoder's output and a loss. Owns parameter ids and the
// places of its activations, no memory. A forward is logits(), then losses(), or another loss that
// leaves its gradient in place of the logits; then backward().
class TaskHead {
 public:
  virtual ~TaskHead() = default;
  virtual void plan(ArenaPlan& plan, const Capacities& capacities, Mode mode) = 0;
  // Rows of results: sequences or labelled tokens.
  virtual std::int64_t rows(const PackedInput& input) const = 0;
  // From x [T, H]: [N, C], [M, C] of the labelled rows, or [T, 2] of a span.
  virtual TensorView compute_logits(const Pass& pass, const Arena& arena,
                                    ConstTensorView x) const = 0;
  // The logits as they stand in the arena: what was computed last, or their gradient.
  virtual TensorView logits(const PackedInput& input, const Arena& arena) const = 0;
  // In training the logits become their gradient. Adds gradients of parameters of its own where
  // the loss has such.
  virtual void losses(const Pass& pass, const Arena& arena, const RowResults& results,
                      const TaskWeights& weights) const = 0;
  // Where backward() adds up the gradient of something between x and the logits, to be cleared
  // before it; absent where there is no such thing.
  virtual TensorView gathered_gradient(const PackedInput& /*input*/, const Arena& /*arena*/) const {
    return {};
  }
  // dx [T, H] += gradient, from the gradient in place of the logits.
  virtual void backward(const Pass& pass, const Arena& arena, TensorView dx) const = 0;
};

// Names and shapes as transformers has them in BertForSequenceClassification (pooler and
// classifier; of a causal model the classifier alone), BertForTokenClassification (classifier),
// BertForQuestionAnswering (qa_outputs); a CRF's as pytorch-crf has them, under "crf.". On an
// ELMo's body the last two are as wide as that, and sequences have a PooledHead. Below a BiLSTM
// ("bilstm.") a classifier of tokens is as wide as both of its directions.
std::unique_ptr<TaskHead> make_task_head(const ModelConfig& config, const HeadConfig& head,
                                         ParameterStore& parameters);

}  // namespace bertyard
