// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/backend/activation.h"
#include "core/backend/workspace_limits.h"
#include "core/tensor/tensor_view.h"

namespace bertyard {

// Shapes: T tokens of a micro-batch, packed without padding; N sequences; M masked rows; H hidden,
// A heads, D = H / A, F intermediate, V vocabulary. Activations and their gradients are f32, or
// bf16 where Device::computes() says so, one type in all of an operation; products then take
// weights rounded to bf16 and sum in f32. Parameters, their gradients, statistics and losses are
// f32. Gradients of parameters are added to what is there; gradients of activations overwrite
// unless Accumulate::yes says otherwise. Tensors of a call do not overlap, except that an
// elementwise operation may work in place: dx may be dy in activation_backward, y may be `pre` in
// linear where no `pre` is kept, and what add_norm_backward says.

enum class Accumulate { yes, no };

// Where a dropout stands in a layer: part of its random key.
enum class DropoutSite : std::uint32_t {
  embedding = 0,
  attention_probability = 1,
  attention_output = 2,
  feed_forward_output = 3,
  classifier = 4,
  lstm_input = 5,
  lstm_output = 6,
};

// Inverted dropout, y = x keep / (1 - p), whose decisions are a pure function of the place in the
// data (design, 4.2): element e of a token is kept where the 16-bit draw is >= round(65536 p). The
// draw is half e mod 8 of the Philox block with key `seed` and counter
//   {sample low, sample high << 16 | position, layer << 8 | site, block}
// half 2w is the low and 2w + 1 the high 16 bits of word w. For hidden channels e is the channel
// and block = e / 8; for attention probabilities e is the key's position and block = head << 16 | e
// / 8. 1 - p is the exact probability of the draw, 1 - round(65536 p) / 65536.
struct Dropout {
  double probability = 0;  // 0: the identity, and the fields below are not read
  std::uint64_t seed = 0;
  std::uint32_t layer = 0;
  DropoutSite site = DropoutSite::embedding;
  ConstTensorView sample;    // u64 [T], global sample index, below 2^48
  ConstTensorView position;  // i32 [T], position in the sample, below 2^16
};

// Which tokens attend to which: tokens offsets[n] to offsets[n + 1] are a sequence and see only
// each other. Tokens from offsets[N] on fill a micro-batch up to its capacity: they belong to no
// sequence, and attention gives them y = 0 and dqkv = 0.
struct PackedSequences {
  ConstTensorView offsets;      // i32 [N + 1], rising from 0 to at most T
  std::int64_t max_length = 0;  // an upper bound of every sequence's length
  ConstTensorView key_mask;     // u8 [T], optional; 1: not a key for anyone, but still a query
  bool causal = false;          // a query sees keys at or before its own position only
};

struct EmbeddingTables {
  ConstTensorView word;      // [V, H]
  ConstTensorView position;  // [P, H]
  ConstTensorView segment;   // [S, H]
};
struct EmbeddingGradients {
  TensorView word, position, segment;  // f32, as the tables
};
struct EmbeddingIndices {
  ConstTensorView token, position, segment;  // i32 [T] each
};

// LayerNorm over the last axis (Ba et al. 2016): normalised = (z - mean z) rstd,
// rstd = 1 / sqrt(var z + epsilon), y = normalised gamma + beta.
struct NormParameters {
  ConstTensorView gamma, beta;  // [H]
  double epsilon = 1e-12;
};
struct NormGradients {
  TensorView dgamma, dbeta;  // f32 [H], added to
};
// What the backward of a LayerNorm needs.
struct NormSaved {
  TensorView normalised;  // [T, H]
  TensorView rstd;        // f32 [T]
};

// The operations of the model on one device, coarse and fused, each with its backward. All run on
// the device's compute stream, allocate nothing and wait for nothing. Shapes and dtypes are checked
// and a mismatch throws Error.
class LayerOps {
 public:
  virtual ~LayerOps() = default;

  // Bytes that reserve() will take, and taking them. Called once, before the first step.
  virtual std::size_t workspace_bytes(const WorkspaceLimits& limits) const = 0;
  virtual void reserve(const WorkspaceLimits& limits) = 0;
  // The flat f32 buffer that the weights of linear layers are slices of. A device that multiplies
  // in a narrower type keeps a rounded copy of it, laid out alike; other weights are rounded at
  // use.
  virtual void bind_parameters(ConstTensorView /*values*/) {}
  // The values of the parameters were rewritten: packed or rounded copies of weights are stale.
  virtual void weights_changed() = 0;

  // y = act(pre), pre = x w^T + bias.   y, pre [R, O]; x [R, I]; w [O, I]; bias [O] or absent.
  // `pre` is absent for the identity and in evaluation.
  struct LinearInput {
    ConstTensorView x, w, bias;
    Activation activation = Activation::identity;
  };
  virtual void linear(TensorView y, TensorView pre, const LinearInput& input) = 0;
  // dx = (dy w) * act'(pre), elementwise; with Accumulate::yes dx += dy w, identity only.
  // dx, pre [R, I]: `activation` is that of the layer below, whose output was x; dy [R, O].
  virtual void linear_backward_input(TensorView dx, ConstTensorView dy, ConstTensorView w,
                                     Accumulate accumulate) = 0;
  virtual void linear_backward_input(TensorView dx, ConstTensorView dy, ConstTensorView w,
                                     Activation activation, ConstTensorView pre) = 0;
  // dw += dy^T x [O, I] and, where present, dbias += sum of the rows of dy [O].
  virtual void linear_backward_weight(TensorView dw, TensorView dbias, ConstTensorView dy,
                                      ConstTensorView x) = 0;
  // dx = dy * act'(pre), all [R, C].
  virtual void activation_backward(TensorView dx, ConstTensorView dy, ConstTensorView pre,
                                   Activation activation) = 0;

  // y = dropout(LayerNorm(word[token] + position[position] + segment[segment])).   y [T, H]
  virtual void embedding(TensorView y, const NormSaved& saved, const EmbeddingIndices& indices,
                         const EmbeddingTables& tables, const NormParameters& norm,
                         const Dropout& dropout) = 0;
  // With dz the gradient of the sum: dtable[index[t]] += dz[t], in the order of t. `scratch` [T, H]
  // receives dz.
  struct EmbeddingBackward {
    EmbeddingIndices indices;
    ConstTensorView dy;  // [T, H]
    NormParameters norm;
    NormSaved saved;
    Dropout dropout;
  };
  virtual void embedding_backward(const EmbeddingGradients& gradients, const NormGradients& dnorm,
                                  TensorView scratch, const EmbeddingBackward& input) = 0;

  // y = LayerNorm(dropout(x) + residual).   y, x, residual [R, H]; residual may be absent.
  virtual void add_norm(TensorView y, const NormSaved& saved, ConstTensorView x,
                        ConstTensorView residual, const NormParameters& norm,
                        const Dropout& dropout) = 0;
  // g = dy gamma; dz = rstd (g - mean g - normalised mean(g normalised));
  // dresidual = dz (absent where there was none); dx = dz keep / (1 - p); dgamma += sum of
  // dy normalised, dbeta += sum of dy. dx may be dresidual where the dropout is the identity, and
  // either may be dy.
  virtual void add_norm_backward(TensorView dx, TensorView dresidual, const NormGradients& dnorm,
                                 ConstTensorView dy, const NormParameters& norm,
                                 const NormSaved& saved, const Dropout& dropout) = 0;

  // Scaled dot-product attention within each sequence (Vaswani et al. 2017):
  //   S = q k^T / sqrt(D), -inf where the key is masked; P = softmax S; y = dropout(P) v.
  // qkv [T, 3H], a row is q | k | v and each is A heads of D; y [T, H]; log_sum f32 [T, A] receives
  // log sum exp S for the backward, and may be absent in evaluation. A query whose keys are all
  // masked gets y = 0.
  virtual void attention(TensorView y, TensorView log_sum, ConstTensorView qkv, std::int64_t heads,
                         const PackedSequences& packing, const Dropout& dropout) = 0;
  // With R = keep / (1 - p):  dv = (P R)^T dy;  dP = (dy v^T) R;  dS = P (dP - rowsum(dP P));
  // dq = dS k / sqrt(D);  dk = dS^T q / sqrt(D);  rowsum(dP P) = rowsum(dy y).
  struct AttentionBackward {
    ConstTensorView dy, y, log_sum, qkv;
    std::int64_t heads = 0;
    PackedSequences packing;
    Dropout dropout;
  };
  virtual void attention_backward(TensorView dqkv, const AttentionBackward& input) = 0;

  // The same unfused, for losses on the scores (TinyBERT): scores f32 receives S before masking,
  // A blocks of L_n x L_n for each sequence n in turn, so A sum L_n^2 elements.
  virtual void attention_with_scores(TensorView y, TensorView log_sum, TensorView scores,
                                     ConstTensorView qkv, std::int64_t heads,
                                     const PackedSequences& packing, const Dropout& dropout) = 0;
  // As attention_backward, with dscores, laid out as scores, added to dS.
  virtual void attention_with_scores_backward(TensorView dqkv, ConstTensorView dscores,
                                              const AttentionBackward& input) = 0;

  // y[i] = x[rows[i]].   y [M, H]; x [T, H]; rows i32 [M]
  virtual void gather_rows(TensorView y, ConstTensorView x, ConstTensorView rows) = 0;
  // dx[rows[i]] += dy[i], in the order of i; rows may repeat.
  virtual void scatter_add_rows(TensorView dx, ConstTensorView dy, ConstTensorView rows) = 0;

  // Per row r of logits [R, C]: loss[r] = log sum exp logits[r] - logits[r][label[r]] and
  // correct[r] = 1 where the label's logit is the greatest (the first of equals wins), both f32
  // [R]; labels i32 [R], a negative label makes loss, correct and gradient 0.
  virtual void cross_entropy(TensorView loss, TensorView correct, ConstTensorView logits,
                             ConstTensorView labels) = 0;
  // The same, and logits become their gradient (softmax - onehot) scale. scale f32 [1].
  virtual void cross_entropy_gradient(TensorView loss, TensorView correct, TensorView logits,
                                      ConstTensorView labels, ConstTensorView scale) = 0;
  // Soft targets (distillation): loss[r] = -sum_c target[r][c] log softmax(logits[r])[c], target
  // [R, C] with rows that sum to 1; logits become (softmax - target) scale.
  virtual void soft_cross_entropy_gradient(TensorView loss, TensorView logits,
                                           ConstTensorView target, ConstTensorView scale) = 0;
  // sum[0] += sum of x in index order, in f64.   sum f64 [1]; x f32 [R]
  virtual void add_sum(TensorView sum, ConstTensorView x) = 0;
};

}  // namespace bertyard
