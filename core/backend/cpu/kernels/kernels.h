// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace bertyard {

enum class Activation;

// The loops of the CPU backend. The .cpp files of this folder are compiled once per instruction
// set, each time into a namespace of its own, and reached through the tables below; which table is
// used is decided at run time. Those files include no standard header with inline functions, so
// that no wide instruction leaks into code that every processor runs. All functions are
// single-threaded, never throw, and take sizes that their callers have checked.

// The dropout decisions of one row: see Dropout in layer_ops.h. threshold 0 is the identity.
struct DropoutRow {
  std::uint32_t key_low = 0, key_high = 0;
  std::uint32_t counter[3] = {};  // words 0 to 2 of the Philox counter
  std::uint32_t first_block = 0;  // word 3 for elements 0 to 7
  std::uint32_t threshold = 0;    // kept where the 16-bit draw is at least this
  float scale = 1;                // 1 / (1 - p)
};

struct NormGradientRow {
  float* dresidual;  // may be null
  float* dx;         // may be dresidual where the dropout is the identity
  float* dgamma;     // added to
  float* dbeta;      // added to
  const float* dy;   // may be dx or dresidual
  const float* normalised;
  const float* gamma;
  float rstd;
};

struct NormKernels {
  // z = x keep scale + residual; residual may be null, z may be x.
  void (*dropout_add)(float* z, const float* x, const float* residual, std::int64_t n,
                      const DropoutRow& dropout);
  // z = a + b + c
  void (*add_three)(float* z, const float* a, const float* b, const float* c, std::int64_t n);
  // z becomes (z - mean) rstd, y = z gamma + beta; returns rstd.
  float (*normalise)(float* y, float* z, const float* gamma, const float* beta, std::int64_t n,
                     float epsilon);
  // dx = dz keep scale, dresidual = dz with dz as in add_norm_backward.
  void (*norm_gradient)(const NormGradientRow& row, std::int64_t n, const DropoutRow& dropout);
};

// The upper half of a float: a bf16 as these files see it.
using BFloatBits = std::uint16_t;

// Rows of bf16 and rows of floats; narrowing rounds to nearest even, a NaN stays one.
struct CastKernels {
  void (*widen)(float* to, const BFloatBits* from, std::int64_t n);
  void (*narrow)(BFloatBits* to, const float* from, std::int64_t n);
};

// A second operand B [k, n] of a product of bf16 as libraries and processors want it, which oneDNN
// calls BA16a64b2a: for each strip of 64 columns, blocks of 32 rows one after the other; in a block
// row p holds, column by column, the pair of B's rows 2p and 2p + 1, the first in the lower half.
// What is missing in the last block and strip is 0.
struct PairBlocks {
  static constexpr std::int64_t kRows = 32, kColumns = 64;
};

// Whole blocks of one strip; `rows` and `columns` of B are there.
template <typename Element>
struct PairStrip {
  std::uint32_t* to = nullptr;
  const Element* from = nullptr;  // B[r][c] at from[r stride + c]; of columns at from[c stride + r]
  std::int64_t stride = 0, rows = 0, columns = 0;
};

struct PackKernels {
  void (*rows)(const PairStrip<float>& strip);
  void (*narrow_rows)(const PairStrip<BFloatBits>& strip);
  void (*columns)(const PairStrip<float>& strip);
};

struct ActivationKernels {
  // y = act(x); y may be x.
  void (*activation)(float* y, const float* x, std::int64_t n, Activation activation);
  void (*narrow_activation)(BFloatBits* y, const BFloatBits* x, std::int64_t n,
                            Activation activation);
  // dx = dy act'(pre); dx may be dy.
  void (*activation_gradient)(float* dx, const float* dy, const float* pre, std::int64_t n,
                              Activation activation);
  void (*narrow_activation_gradient)(BFloatBits* dx, const BFloatBits* dy, const BFloatBits* pre,
                                     std::int64_t n, Activation activation);
  // sum[c] += x[r][c] for r in order, c below `columns`; rows are `stride` elements apart.
  void (*add_rows)(float* sum, const float* x, std::int64_t rows, std::int64_t columns,
                   std::int64_t stride);
  void (*add_narrow_rows)(float* sum, const BFloatBits* x, std::int64_t rows, std::int64_t columns,
                          std::int64_t stride);
  // sum += x
  void (*add)(float* sum, const float* x, std::int64_t n);
};

// Logits of a student and of its teacher, and what their exponentials are multiplied by.
struct DistillationRow {
  float* x = nullptr;
  const float* t = nullptr;
  float maximum_x = 0, maximum_t = 0;
  float a = 1;  // 1 / temperature
  float hard = 0, student = 0, teacher = 0;
};

struct CrossEntropyKernels {
  float (*maximum)(const float* x, std::int64_t n);
  // sum of exp(x - maximum)
  double (*sum_exp)(const float* x, std::int64_t n, float maximum);
  // x = exp(x - maximum) factor
  void (*scaled_exp)(float* x, std::int64_t n, float maximum, float factor);
  // x = exp(x - maximum) factor - target scale
  void (*soft_gradient)(float* x, const float* target, std::int64_t n, float maximum, float factor,
                        float scale);
  double (*dot)(const float* a, const float* b, std::int64_t n);
  double (*sum)(const float* x, std::int64_t n);
  // sum of exp(a (x - maximum))
  double (*sum_exp_at)(const float* x, std::int64_t n, float maximum, float a);
  // sum of exp(a (t - maximum_t)) a ((t - maximum_t) - (x - maximum_x))
  double (*exp_difference)(const DistillationRow& row, std::int64_t n);
  // x = exp(x - maximum_x) hard + exp(a (x - maximum_x)) student - exp(a (t - maximum_t)) teacher
  void (*distillation_gradient)(const DistillationRow& row, std::int64_t n);
};

// One head of one sequence of L tokens, its activations float or bf16. Rows of q, k, v and of their
// gradients are `stride` elements apart, those of y and dy `output_stride`. Buffers that a pass
// does not need are null.
template <typename Element>
struct AttentionHead {
  std::int64_t length = 0, head_size = 0, stride = 0, output_stride = 0;
  const Element *q = nullptr, *k = nullptr, *v = nullptr;
  const std::uint8_t* key_mask = nullptr;  // [L], 1: not a key
  std::int64_t position = 0;               // of the first token: later ones follow one by one
  DropoutRow dropout;                      // of the first token
  const std::uint64_t* sample = nullptr;   // [L]; null where the dropout is the identity
  float* log_sum = nullptr;                // [L], `log_sum_stride` apart, as the next
  const float* saved_log_sum = nullptr;
  std::int64_t log_sum_stride = 0;
  bool causal = false;
  Element* y = nullptr;
  float* scores = nullptr;         // [L, L], scores before masking
  const float* dscores = nullptr;  // [L, L]
  const Element *dy = nullptr, *saved_y = nullptr;
  Element *dq = nullptr, *dk = nullptr, *dv = nullptr;
  float* scratch = nullptr;  // scratch_floats(L, D) floats, 64-byte aligned
};

struct AttentionKernels {
  void (*forward)(const AttentionHead<float>& head);
  void (*backward)(const AttentionHead<float>& head);
  void (*forward_narrow)(const AttentionHead<BFloatBits>& head);
  void (*backward_narrow)(const AttentionHead<BFloatBits>& head);
  std::int64_t (*scratch_floats)(std::int64_t length, std::int64_t head_size);
};

struct UpdateRow {
  float *parameters = nullptr, *gradients = nullptr, *first = nullptr, *second = nullptr;
  float gradient_scale = 1, learning_rate = 0, decay = 0;
  float beta1 = 0, beta2 = 0, epsilon = 0;
  float complement1 = 1, complement2 = 1;  // 1 - b, rounded once: 1.0f - 0.999f is 5e-5 off
  float correction1 = 1, correction2 = 1;  // 1 / (1 - b^t), or 1
};

struct UpdateKernels {
  void (*adam)(const UpdateRow& row, std::int64_t n);
  void (*sgd)(const UpdateRow& row, std::int64_t n);
  void (*lamb)(const UpdateRow& row, std::int64_t n);
  // p -= factor u
  void (*subtract)(float* p, const float* u, std::int64_t n, float factor);
  double (*sum_of_squares)(const float* x, std::int64_t n);
  bool (*all_finite)(const float* x, std::int64_t n);
};

struct CpuKernels {
  const char* instruction_set;
  CastKernels cast;
  PackKernels pack;
  NormKernels norm;
  ActivationKernels activation;
  CrossEntropyKernels cross_entropy;
  AttentionKernels attention;
  UpdateKernels update;
};

}  // namespace bertyard
