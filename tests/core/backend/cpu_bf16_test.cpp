// SPDX-License-Identifier: Apache-2.0
// Every operation with bf16 activations against the same operation in f32 on the same numbers,
// which the other files of this folder hold against double precision: what bf16 stores is rounded
// once, so results may differ by 2^-8 of the largest, and by a few of these where an operation
// reads what it has itself rounded.
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "core/backend/cpu/narrow_floats.h"
#include "tests/core/backend/host_tensors.h"

namespace bertyard::testing {
namespace {

constexpr double kOneRounding = 1.0 / 256;

// The same numbers twice: as floats that bf16 can hold, and as bf16.
struct Twin {
  HostTensor wide;
  std::vector<BFloat16> narrow;

  explicit Twin(HostTensor tensor) : wide(std::move(tensor)), narrow(wide.values.size()) {
    for (std::size_t i = 0; i < narrow.size(); ++i) {
      narrow[i] = to_bfloat16(wide.values[i]);
      wide.values[i] = to_float(narrow[i]);
    }
  }
  Twin(Shape shape, std::uint64_t seed, double scale = 1)
      : Twin(random_tensor(shape, seed, scale)) {}

  TensorView bf16() { return {narrow.data(), DType::bf16, wide.shape}; }
  TensorView f32() { return wide.view(); }
  // Call after both have been written.
  void expect_equal(double tolerance, const std::string& what) const {
    HostTensor found(wide.shape);
    for (std::size_t i = 0; i < narrow.size(); ++i) found.values[i] = to_float(narrow[i]);
    expect_near_scaled(found, wide.doubles(), tolerance, what);
  }
  static void expect_near_scaled(const HostTensor& found, const Values& expected, double tolerance,
                                 const std::string& what) {
    double largest = 1e-30;
    for (const double value : expected) largest = std::max(largest, std::fabs(value));
    for (std::size_t i = 0; i < expected.size(); ++i) {
      ASSERT_NEAR(found.values[i], expected[i], tolerance * largest) << what << "[" << i << "]";
    }
  }
};

class CpuBf16 : public CpuOpsTest {
 protected:
  void SetUp() override {
    CpuOpsTest::SetUp();
    if (!IsSkipped() && !device_->computes(DType::bf16)) {
      GTEST_SKIP() << "no bf16 products with " << device_->info().libraries << " here";
    }
  }
  TokenTags tags_{{5, 33, 16, 1}};
  const std::int64_t tokens_ = tags_.tokens();
};
INSTANTIATE_TEST_SUITE_P(Isa, CpuBf16, instruction_sets(), instruction_set_name);

TEST_P(CpuBf16, Linear) {
  Twin x({33, 37}, 1), pre({33, 129}, 9), y({33, 129}, 9);
  Twin w({129, 37}, 2);  // an f32 weight that bf16 can hold, as the product rounds it
  const HostTensor bias = random_tensor({129}, 3);
  for (const Activation activation : {Activation::identity, Activation::gelu_tanh}) {
    ops().linear(y.f32(), pre.f32(), {x.f32(), w.f32(), bias.read(), activation});
    ops().linear(y.bf16(), pre.bf16(), {x.bf16(), w.f32(), bias.read(), activation});

    pre.expect_equal(kOneRounding, "pre");
    y.expect_equal(2 * kOneRounding, "y");
  }
}

TEST_P(CpuBf16, LinearBackward) {
  Twin dy({33, 129}, 1), x({33, 37}, 2), dx({33, 37}, 3), pre({33, 37}, 4), w({129, 37}, 5);
  HostTensor dw = random_tensor({129, 37}, 6), dbias = random_tensor({129}, 7);
  HostTensor narrow_dw = dw, narrow_dbias = dbias;

  ops().linear_backward_input(dx.f32(), dy.f32(), w.f32(), Accumulate::yes);
  ops().linear_backward_input(dx.bf16(), dy.bf16(), w.f32(), Accumulate::yes);
  dx.expect_equal(kOneRounding, "dx accumulated");
  ops().linear_backward_input(dx.f32(), dy.f32(), w.f32(), Activation::gelu_erf, pre.f32());
  ops().linear_backward_input(dx.bf16(), dy.bf16(), w.f32(), Activation::gelu_erf, pre.bf16());
  dx.expect_equal(2 * kOneRounding, "dx");
  ops().linear_backward_weight(dw.view(), dbias.view(), dy.f32(), x.f32());
  ops().linear_backward_weight(narrow_dw.view(), narrow_dbias.view(), dy.bf16(), x.bf16());

  expect_near(narrow_dw, dw.doubles(), 1e-5, "dw");  // f32 sums of the same products
  expect_near(narrow_dbias, dbias.doubles(), 1e-5, "dbias");
}

TEST_P(CpuBf16, WeightsAreReadAgainAfterTheyChanged) {
  ops().reserve({.tokens = 64,
                 .max_length = 64,
                 .hidden = 64,
                 .heads = 1,
                 .weights = 64,
                 .activations = DType::bf16});
  Twin x({1, 4}, 1), y({1, 16}, 2);
  HostTensor w({16, 4}, 1.0f);
  ops().linear(y.bf16(), {}, {x.bf16(), w.read(), {}});
  const std::vector<BFloat16> before = y.narrow;
  w.values.assign(w.values.size(), 2.0f);

  ops().weights_changed();
  ops().linear(y.bf16(), {}, {x.bf16(), w.read(), {}});

  for (std::size_t i = 0; i < before.size(); ++i) {
    EXPECT_EQ(to_float(y.narrow[i]), 2 * to_float(before[i]));
  }
}

TEST_P(CpuBf16, AddNorm) {
  Twin x({tokens_, 40}, 1), residual({tokens_, 40}, 2), y({tokens_, 40}, 3),
      normalised({tokens_, 40}, 4), dy({tokens_, 40}, 5), dx({tokens_, 40}, 6),
      dresidual({tokens_, 40}, 7);
  const HostTensor gamma = random_tensor({40}, 8), beta = random_tensor({40}, 9);
  HostTensor rstd({tokens_}), narrow_rstd({tokens_}), dgamma({40}), dbeta({40});
  HostTensor narrow_dgamma({40}), narrow_dbeta({40});
  const NormParameters norm{gamma.read(), beta.read(), 1e-12};
  const Dropout dropout = tags_.dropout(0.25, DropoutSite::attention_output);

  ops().add_norm(y.f32(), {normalised.f32(), rstd.view()}, x.f32(), residual.f32(), norm, dropout);
  ops().add_norm(y.bf16(), {normalised.bf16(), narrow_rstd.view()}, x.bf16(), residual.bf16(), norm,
                 dropout);
  y.expect_equal(kOneRounding, "y");
  normalised.expect_equal(kOneRounding, "normalised");
  EXPECT_EQ(narrow_rstd.values, rstd.values);

  const Twin same(normalised.wide);  // the backward of both from the same statistics
  normalised = same;
  ops().add_norm_backward(dx.f32(), dresidual.f32(), {dgamma.view(), dbeta.view()}, dy.f32(), norm,
                          {normalised.f32(), rstd.view()}, dropout);
  ops().add_norm_backward(dx.bf16(), dresidual.bf16(), {narrow_dgamma.view(), narrow_dbeta.view()},
                          dy.bf16(), norm, {normalised.bf16(), rstd.view()}, dropout);
  dx.expect_equal(kOneRounding, "dx");
  dresidual.expect_equal(kOneRounding, "dresidual");
  EXPECT_EQ(narrow_dgamma.values, dgamma.values);
  EXPECT_EQ(narrow_dbeta.values, dbeta.values);
}

TEST_P(CpuBf16, Attention) {
  constexpr std::int64_t kHeads = 3, kHidden = 24;
  const PackedSequences packing{view_of(std::span(tags_.offsets)), 33, {}};
  const Dropout dropout = tags_.dropout(0.25, DropoutSite::attention_probability);
  Twin qkv({tokens_, 3 * kHidden}, 1), y({tokens_, kHidden}, 2), dy({tokens_, kHidden}, 3),
      dqkv({tokens_, 3 * kHidden}, 4);
  HostTensor log_sum({tokens_, kHeads}), narrow_log_sum({tokens_, kHeads});

  ops().attention(y.f32(), log_sum.view(), qkv.f32(), kHeads, packing, dropout);
  ops().attention(y.bf16(), narrow_log_sum.view(), qkv.bf16(), kHeads, packing, dropout);
  y.expect_equal(kOneRounding, "y");
  EXPECT_EQ(narrow_log_sum.values, log_sum.values);

  y = Twin(y.wide);
  ops().attention_backward(
      dqkv.f32(), {dy.f32(), y.f32(), log_sum.read(), qkv.f32(), kHeads, packing, dropout});
  ops().attention_backward(
      dqkv.bf16(), {dy.bf16(), y.bf16(), log_sum.read(), qkv.bf16(), kHeads, packing, dropout});
  dqkv.expect_equal(kOneRounding, "dqkv");
}

// Heads that fill whole vectors may be multiplied as pairs of bf16, whose probabilities and their
// gradients are rounded too: blocks of queries and keys that end everywhere, each kind of mask.
struct PairsCase {
  std::vector<std::int32_t> lengths;
  std::int64_t heads, head_size;
  bool masked, causal;
  double dropout;
};
const PairsCase kPairs[] = {
    {{65, 1, 33}, 2, 16, false, true, 0},
    {{129, 5}, 1, 48, true, false, 0.25},
    {{200, 64}, 2, 64, false, false, 0.1},
    {{1, 7, 128}, 3, 32, true, true, 0.1},
};

TEST_P(CpuBf16, AttentionOfWholeVectors) {
  for (const PairsCase& c : kPairs) {
    SCOPED_TRACE(c.head_size);
    const TokenTags tags(c.lengths);
    const std::int64_t tokens = tags.tokens(), hidden = c.heads * c.head_size;
    std::vector<std::uint8_t> mask;
    std::int64_t squares = 0;
    for (std::int64_t t = 0; t < tokens; ++t) mask.push_back(t % 3 == 1 ? 1 : 0);
    for (const std::int64_t length : c.lengths) squares += length * length;
    PackedSequences packing{view_of(std::span(tags.offsets)), 200, {}, c.causal};
    if (c.masked) packing.key_mask = view_of(std::span(std::as_const(mask)));
    const Dropout dropout = tags.dropout(c.dropout, DropoutSite::attention_probability);
    Twin qkv({tokens, 3 * hidden}, 1), y({tokens, hidden}, 2), dy({tokens, hidden}, 3),
        dqkv({tokens, 3 * hidden}, 4);
    HostTensor log_sum({tokens, c.heads}), narrow_log_sum({tokens, c.heads});
    const HostTensor dscores = random_tensor({c.heads * squares}, 5, 0.1);

    ops().attention(y.f32(), log_sum.view(), qkv.f32(), c.heads, packing, dropout);
    ops().attention(y.bf16(), narrow_log_sum.view(), qkv.bf16(), c.heads, packing, dropout);
    y.expect_equal(2 * kOneRounding, "y");
    for (std::size_t i = 0; i < log_sum.values.size(); ++i) {
      if (std::isinf(log_sum.values[i])) {
        EXPECT_EQ(narrow_log_sum.values[i], log_sum.values[i]) << i;
      } else {
        EXPECT_NEAR(narrow_log_sum.values[i], log_sum.values[i], 1e-5) << i;
      }
    }
    y = Twin(y.wide);
    ops().attention_with_scores_backward(
        dqkv.f32(), dscores.read(),
        {dy.f32(), y.f32(), log_sum.read(), qkv.f32(), c.heads, packing, dropout});
    ops().attention_with_scores_backward(
        dqkv.bf16(), dscores.read(),
        {dy.bf16(), y.bf16(), log_sum.read(), qkv.bf16(), c.heads, packing, dropout});
    dqkv.expect_equal(2 * kOneRounding, "dqkv");
  }
}

TEST_P(CpuBf16, AttentionPassesANaNOn) {
  const TokenTags tags({7});
  const PackedSequences packing{view_of(std::span(tags.offsets)), 7, {}};
  HostTensor values = random_tensor({7, 48}, 1);
  values.values[6 * 48 + 47] = std::numeric_limits<float>::quiet_NaN();  // the last of v
  Twin qkv(values), y({7, 16}, 2);

  ops().attention(y.bf16(), {}, qkv.bf16(), 1, packing, {});

  for (std::size_t i = 0; i < y.narrow.size(); ++i) {
    EXPECT_EQ(std::isnan(to_float(y.narrow[i])), i % 16 == 15) << i;
  }
}

// A second operand that changes is packed anew at every product, whatever was there.
TEST_P(CpuBf16, WeightGradientsOfManyShapes) {
  std::uint64_t seed = 0;
  for (const std::int64_t rows : {200, 1, 65, 200, 7}) {
    SCOPED_TRACE(rows);
    Twin dy({rows, 96}, ++seed), x({rows, 72}, ++seed);
    HostTensor dw({96, 72}, 1.0f), narrow_dw({96, 72}, 1.0f);

    ops().linear_backward_weight(dw.view(), {}, dy.f32(), x.f32());
    ops().linear_backward_weight(narrow_dw.view(), {}, dy.bf16(), x.bf16());

    Twin::expect_near_scaled(narrow_dw, dw.doubles(), 1e-5, "dw");
  }
}

TEST_P(CpuBf16, CrossEntropy) {
  Twin logits({5, 1000}, 1, 4);
  const std::vector<std::int32_t> labels{3, 999, -1, 0, 500};
  const HostTensor scale({1}, 0.5f);
  HostTensor loss({5}), correct({5}), narrow_loss({5}), narrow_correct({5});

  ops().cross_entropy(narrow_loss.view(), narrow_correct.view(), logits.bf16(),
                      view_of(std::span(labels)));
  ops().cross_entropy_gradient(loss.view(), correct.view(), logits.f32(),
                               view_of(std::span(labels)), scale.read());
  EXPECT_EQ(narrow_loss.values, loss.values);
  ops().cross_entropy_gradient(narrow_loss.view(), narrow_correct.view(), logits.bf16(),
                               view_of(std::span(labels)), scale.read());

  EXPECT_EQ(narrow_loss.values, loss.values);
  EXPECT_EQ(narrow_correct.values, correct.values);
  logits.expect_equal(kOneRounding, "dlogits");
}

TEST_P(CpuBf16, EmbeddingAndRows) {
  const std::vector<std::int32_t> index{1, 0, 1, 2};
  const EmbeddingIndices indices{view_of(std::span(index)), view_of(std::span(index)),
                                 view_of(std::span(index))};
  const HostTensor table = random_tensor({3, 72}, 1);
  const HostTensor gamma = random_tensor({72}, 2), beta = random_tensor({72}, 3);
  Twin y({4, 72}, 4), normalised({4, 72}, 5), gathered({4, 72}, 6), rows({3, 72}, 7);
  HostTensor rstd({4}), narrow_rstd({4});
  const EmbeddingTables tables{table.read(), table.read(), table.read()};
  const NormParameters norm{gamma.read(), beta.read(), 1e-12};

  ops().embedding(y.f32(), {normalised.f32(), rstd.view()}, indices, tables, norm, {});
  ops().embedding(y.bf16(), {normalised.bf16(), narrow_rstd.view()}, indices, tables, norm, {});
  y.expect_equal(kOneRounding, "embedding");
  ops().gather_rows(gathered.f32(), rows.f32(), view_of(std::span(index)));
  ops().gather_rows(gathered.bf16(), rows.bf16(), view_of(std::span(index)));
  gathered.expect_equal(0, "gathered");
  ops().scatter_add_rows(rows.f32(), gathered.f32(), view_of(std::span(index)));
  ops().scatter_add_rows(rows.bf16(), gathered.bf16(), view_of(std::span(index)));
  rows.expect_equal(2 * kOneRounding, "scattered");  // row 1 is rounded twice
}

TEST_P(CpuBf16, EmbeddingBackward) {
  const std::vector<std::int32_t> index{1, 0, 1, 2};
  const EmbeddingIndices indices{view_of(std::span(index)), view_of(std::span(index)),
                                 view_of(std::span(index))};
  const HostTensor gamma = random_tensor({72}, 2), beta = random_tensor({72}, 3);
  HostTensor rstd = random_tensor({4}, 4);
  Twin dy({4, 72}, 5), normalised({4, 72}, 6), scratch({4, 72}, 7);
  HostTensor dtable({3, 72}), narrow_dtable({3, 72}), unused({3, 72}), dnorm({72});
  const auto backward = [&](HostTensor& table, TensorView dy_view, TensorView saved,
                            TensorView work) {
    ops().embedding_backward({table.view(), unused.view(), unused.view()},
                             {dnorm.view(), dnorm.view()}, work,
                             {.indices = indices,
                              .dy = dy_view,
                              .norm = {gamma.read(), beta.read(), 1e-12},
                              .saved = {saved, rstd.view()},
                              .dropout = {}});
  };

  backward(dtable, dy.f32(), normalised.f32(), scratch.f32());
  backward(narrow_dtable, dy.bf16(), normalised.bf16(), scratch.bf16());

  Twin::expect_near_scaled(narrow_dtable, dtable.doubles(), kOneRounding, "dtable");
}

TEST_P(CpuBf16, RowsBeyondTheReservedSizeAreRefused) {
  const std::vector<std::int32_t> label{0};
  HostTensor loss({1}), correct({1});

  // A vocabulary of 1000 and hidden sizes up to 4096 were reserved: rows of 12288.
  Twin wide({1, 20000}, 2);
  expect_error(
      [&] {
        ops().cross_entropy(loss.view(), correct.view(), wide.bf16(), view_of(std::span(label)));
      },
      "cross_entropy: rows of 20000 exceed the workspace reserved");
}

}  // namespace
}  // namespace bertyard::testing
