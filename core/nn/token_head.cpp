// SPDX-License-Identifier: Apache-2.0
#include "core/nn/token_head.h"

#include "core/base/error.h"
#include "core/nn/class_losses.h"

namespace bertyard {

TokenHead::TokenHead(const ModelConfig& config, std::int64_t width, const HeadConfig& head,
                     ParameterStore& parameters)
    : head_(head),
      width_(width),
      layers_(config.layers),
      seen_(head.reader == TagReader::bilstm ? 2 * config.hidden : width),
      dropout_(config.dropout),
      classifier_(parameters, "classifier", seen_, head.labels) {
  if (head.decision == TagDecision::crf) {
    const std::int64_t classes = head.labels;
    transitions_ = parameters.add("crf.transitions", {classes, classes}, WeightDecay::no);
    start_ = parameters.add("crf.start_transitions", {classes}, WeightDecay::no);
    end_ = parameters.add("crf.end_transitions", {classes}, WeightDecay::no);
  }
  if (head.reader == TagReader::bilstm) {
    reader_.emplace(parameters, "bilstm", width, config.hidden);
  }
}

void TokenHead::plan(ArenaPlan& plan, const Capacities& capacities, Mode mode) {
  const DType type = capacities.activations;
  gathered_ = plan.add(type, {capacities.masked, seen_});
  logits_ = plan.add(type, {capacities.masked, head_.labels});
  if (!reader_) return;
  BERTYARD_CHECK(type == DType::f32, "task head: a BiLSTM computes in f32 alone");
  reader_->plan(plan, capacities.tokens, mode);
  read_ = plan.add(type, {capacities.tokens, width_});
  if (mode == Mode::training) dread_ = plan.add(type, {capacities.tokens, width_});
}

// A CRF's results are of sequences.
std::int64_t TokenHead::rows(const PackedInput& input) const {
  return head_.decision == TagDecision::crf ? input.sequences() : input.masked();
}

Dropout TokenHead::dropout(const Pass& pass) const {
  return pass.dropout(dropout_, layers_, DropoutSite::classifier);
}

// An encoder has no other LSTM; of an ELMo it is one layer above those of its task.
Dropout TokenHead::reader_dropout(const Pass& pass) const {
  return pass.dropout(dropout_, 2 * layers_ + 1, DropoutSite::lstm_input);
}

ConstTensorView TokenHead::read(const Pass& pass, const Arena& arena, ConstTensorView x) const {
  if (!reader_) return x;
  const TensorView input = arena.view(read_).slice(0, x.rows());
  pass.losses->dropout(input, x, {}, reader_dropout(pass));
  return reader_->forward(pass, arena, input);
}

TensorView TokenHead::logits(const PackedInput& input, const Arena& arena) const {
  return arena.view(logits_).slice(0, input.masked());
}

TensorView TokenHead::compute_logits(const Pass& pass, const Arena& arena,
                                     ConstTensorView x) const {
  const std::int64_t labelled = pass.input.masked();
  const TensorView y = logits(pass.input, arena);
  if (labelled == 0) return y;
  const TensorView gathered = arena.view(gathered_).slice(0, labelled);
  pass.ops.gather_rows(gathered, read(pass, arena, x), pass.input.masked_rows);
  pass.losses->dropout(gathered, gathered, pass.input.masked_rows, dropout(pass));
  classifier_.forward(pass, y, gathered);
  return y;
}

CrfScores TokenHead::crf_scores(const Pass& pass) const {
  return {pass.parameters.value(transitions_), pass.parameters.value(start_),
          pass.parameters.value(end_)};
}

void TokenHead::crf_losses(const Pass& pass, const Arena& arena, const RowResults& results,
                           ConstTensorView scale) const {
  const CrfRows rows{pass.input.masked_labels, pass.input.masked_rows, pass.input.packing.offsets};
  const TensorView y = logits(pass.input, arena);
  if (pass.mode == Mode::evaluation) {
    pass.losses->crf(results.loss, y, crf_scores(pass), rows);
    return;
  }
  const CrfGradients gradients{pass.parameters.gradient(transitions_),
                               pass.parameters.gradient(start_), pass.parameters.gradient(end_)};
  pass.losses->crf_gradient(results.loss, y, gradients, crf_scores(pass), rows, scale);
}

void TokenHead::losses(const Pass& pass, const Arena& arena, const RowResults& results,
                       const TaskWeights& weights) const {
  if (pass.input.masked() == 0) return;
  if (head_.decision == TagDecision::crf) return crf_losses(pass, arena, results, weights.scale);
  class_losses(pass, results, logits(pass.input, arena), pass.input.masked_labels, weights);
}

TensorView TokenHead::gathered_gradient(const PackedInput& input, const Arena& arena) const {
  return reader_ ? reader_->output_gradient(arena, input.tokens()) : TensorView();
}

// dgathered = dropout'(dlogits W);  dx[rows] += dgathered, or, of what a reader makes of x,
//   dy[rows] = dgathered;  dx += dropout'(bilstm'(dy))
void TokenHead::backward(const Pass& pass, const Arena& arena, TensorView dx) const {
  const std::int64_t labelled = pass.input.masked();
  if (labelled == 0) return;
  const TensorView dlogits = logits(pass.input, arena);
  const TensorView gathered = arena.view(gathered_).slice(0, labelled);
  classifier_.backward_parameters(pass, dlogits, gathered);
  classifier_.backward_input(pass, gathered, dlogits, Accumulate::no);
  pass.losses->dropout(gathered, gathered, pass.input.masked_rows, dropout(pass));
  if (!reader_) return pass.ops.scatter_add_rows(dx, gathered, pass.input.masked_rows);
  const std::int64_t tokens = dx.rows();
  const TensorView dread = arena.view(dread_).slice(0, tokens);
  pass.ops.scatter_add_rows(gathered_gradient(pass.input, arena), gathered, pass.input.masked_rows);
  reader_->backward(pass, arena, dread, arena.view(read_).slice(0, tokens));
  pass.losses->dropout(dread, dread, {}, reader_dropout(pass));
  pass.recurrent->add(dx, dx, dread);
}

}  // namespace bertyard
