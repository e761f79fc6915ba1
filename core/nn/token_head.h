// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "core/nn/bilstm.h"
#include "core/nn/linear.h"
#include "core/nn/task_head.h"

namespace bertyard {

// A label for each labelled token (PackedInput::masked_rows with masked_labels), those alone:
//   logits = W dropout(x[rows]) + b; the loss is cross entropy, or a CRF's over each sequence.
// With a BiLSTM as the reader x is y = bilstm(dropout(x)), as many cells each way as x is wide in a
// transformer; it needs Pass::recurrent, and f32.
class TokenHead final : public TaskHead {
 public:
  // `width` is x's. Registers "classifier"; a CRF's under "crf.", a BiLSTM's under "bilstm.".
  TokenHead(const ModelConfig& config, std::int64_t width, const HeadConfig& head,
            ParameterStore& parameters);

  void plan(ArenaPlan& plan, const Capacities& capacities, Mode mode) override;
  std::int64_t rows(const PackedInput& input) const override;
  TensorView compute_logits(const Pass& pass, const Arena& arena, ConstTensorView x) const override;
  TensorView logits(const PackedInput& input, const Arena& arena) const override;
  void losses(const Pass& pass, const Arena& arena, const RowResults& results,
              const TaskWeights& weights) const override;
  TensorView gathered_gradient(const PackedInput& input, const Arena& arena) const override;
  void backward(const Pass& pass, const Arena& arena, TensorView dx) const override;

 private:
  Dropout dropout(const Pass& pass) const;
  Dropout reader_dropout(const Pass& pass) const;
  // What is labelled: x, or what the reader makes of it.   [T, seen_]
  ConstTensorView read(const Pass& pass, const Arena& arena, ConstTensorView x) const;
  CrfScores crf_scores(const Pass& pass) const;
  void crf_losses(const Pass& pass, const Arena& arena, const RowResults& results,
                  ConstTensorView scale) const;

  HeadConfig head_;
  std::int64_t width_, layers_;
  std::int64_t seen_;  // channels of what is labelled
  double dropout_;
  Linear classifier_;
  ParameterId transitions_, start_, end_;  // of a CRF
  std::optional<BiLstm> reader_;
  ArenaSlot gathered_, logits_;
  ArenaSlot read_, dread_;  // the reader's input and its gradient
};

}  // namespace bertyard
