// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "tests/core/backend/host_tensors.h"

namespace bertyard::testing {
namespace {

// Dot products of up to 128 and sums of up to 200 terms of order 1 in float, and exp's 2e-7.
constexpr double kTolerance = 4e-6;

class CpuAttention : public CpuOpsTest {};
INSTANTIATE_TEST_SUITE_P(Isa, CpuAttention, instruction_sets(), instruction_set_name);

struct AttentionCase {
  std::string name;
  std::vector<std::int32_t> lengths;
  std::int64_t heads, head_size;
  bool masked, causal;
  double dropout;
};

const AttentionCase kCases[] = {
    {"head of 8, odd lengths", {7, 33, 1}, 4, 8, false, false, 0},
    {"mask with holes", {7, 33, 1, 129}, 4, 8, true, false, 0},
    {"causal", {37, 65}, 2, 16, false, true, 0},
    {"dropout", {33, 12, 200}, 2, 64, false, false, 0.1},
    {"all at once", {33, 129, 0, 5}, 3, 40, true, true, 0.3},
    {"head of 128", {129}, 1, 128, true, false, 0.1},
};

// Inputs of one case and the views that the operations want.
struct AttentionInputs {
  TokenTags tags;
  std::int64_t tokens, hidden;
  HostTensor qkv, dy, y, log_sum, dqkv;
  std::vector<std::uint8_t> mask;
  PackedSequences packing;
  Dropout dropout;
  ReferenceAttention reference;

  explicit AttentionInputs(const AttentionCase& c)
      : tags(c.lengths),
        tokens(tags.tokens()),
        hidden(c.heads * c.head_size),
        qkv(random_tensor({tokens, 3 * hidden}, 1, 2)),
        dy(random_tensor({tokens, hidden}, 2)),
        y({tokens, hidden}),
        log_sum({tokens, c.heads}),
        dqkv({tokens, 3 * hidden}, 99) {
    for (std::int64_t t = 0; t < tokens; ++t) mask.push_back(t % 3 == 1 ? 1 : 0);
    packing = {view_of(std::span(std::as_const(tags.offsets))), 200, {}, c.causal};
    if (c.masked) packing.key_mask = view_of(std::span(std::as_const(mask)));
    dropout = tags.dropout(c.dropout, DropoutSite::attention_probability);
    reference.offsets = tags.offsets;
    reference.heads = c.heads;
    if (c.masked) reference.key_mask = mask;
    reference.causal = c.causal;
    reference.dropout = dropout;
  }
  LayerOps::AttentionBackward backward() const {
    return {dy.read(), y.read(), log_sum.read(), qkv.read(), reference.heads, packing, dropout};
  }
};

TEST_P(CpuAttention, MatchesHandComputedGolden) {
  // Two tokens, one head of 1: S = q k = [[0, ln 3], [0, 0]], P = [[1/4, 3/4], [1/2, 1/2]].
  const HostTensor qkv({2, 3}, {1, 0, 4, 0, std::log(3.0f), 8});
  const std::vector<std::int32_t> offsets = {0, 2};
  HostTensor y({2, 1}), log_sum({2, 1});

  ops().attention(y.view(), log_sum.view(), qkv.read(), 1, {view_of(std::span(offsets)), 2, {}},
                  {});

  expect_near(y, {7, 6}, 1e-6, "y");
  expect_near(log_sum, {std::log(4.0), std::log(2.0)}, 1e-6, "log_sum");
}

TEST_P(CpuAttention, ForwardAndBackwardMatchReference) {
  for (const AttentionCase& c : kCases) {
    SCOPED_TRACE(c.name);
    AttentionInputs in(c);

    ops().attention(in.y.view(), in.log_sum.view(), in.qkv.read(), c.heads, in.packing, in.dropout);
    ops().attention_backward(in.dqkv.view(), in.backward());

    const Matrix qkv = in.qkv.matrix();
    expect_near(in.y, in.reference.forward(qkv).values, kTolerance, "y");
    expect_near(in.dqkv, in.reference.backward(in.dy.matrix(), qkv).values, kTolerance, "dqkv");
  }
}

TEST_P(CpuAttention, ScoresAndTheirGradientMatchReference) {
  for (const AttentionCase& c : kCases) {
    SCOPED_TRACE(c.name);
    AttentionInputs in(c);
    std::int64_t squares = 0;
    for (const std::int64_t length : c.lengths) squares += length * length;
    HostTensor scores({c.heads * squares});
    const HostTensor dscores = random_tensor({c.heads * squares}, 3, 0.1);

    ops().attention_with_scores(in.y.view(), in.log_sum.view(), scores.view(), in.qkv.read(),
                                c.heads, in.packing, in.dropout);
    ops().attention_with_scores_backward(in.dqkv.view(), dscores.read(), in.backward());

    const Matrix qkv = in.qkv.matrix();
    Values expected;
    in.reference.forward(qkv, &expected);
    expect_near(scores, expected, kTolerance, "scores");
    expect_near(in.dqkv, in.reference.backward(in.dy.matrix(), qkv, dscores.doubles()).values,
                kTolerance, "dqkv");
  }
}

TEST_P(CpuAttention, SequenceWithoutVisibleKeysGivesZero) {
  AttentionInputs in({"all masked", {5}, 2, 8, true, false, 0});
  in.mask.assign(5, 1);

  ops().attention(in.y.view(), in.log_sum.view(), in.qkv.read(), 2, in.packing, {});
  ops().attention_backward(in.dqkv.view(), in.backward());

  EXPECT_EQ(in.y.values, std::vector<float>(in.y.values.size(), 0.0f));
  EXPECT_EQ(in.dqkv.values, std::vector<float>(in.dqkv.values.size(), 0.0f));
}

TEST_P(CpuAttention, FillerBeyondTheLastSequenceGetsZero) {
  AttentionInputs in({"filler", {7, 3}, 2, 8, false, false, 0.1});
  const std::vector<std::int32_t> offsets = {0, 7, 7};
  in.packing.offsets = view_of(std::span(offsets));
  in.y.values.assign(in.y.values.size(), 9.0f);

  ops().attention(in.y.view(), in.log_sum.view(), in.qkv.read(), 2, in.packing, in.dropout);
  ops().attention_backward(in.dqkv.view(), in.backward());

  EXPECT_NE(in.y.values[6 * 16], 0.0f);
  EXPECT_EQ(std::vector<float>(in.y.values.begin() + 7 * 16, in.y.values.end()),
            std::vector<float>(3 * 16));
  EXPECT_EQ(std::vector<float>(in.dqkv.values.begin() + 7 * 48, in.dqkv.values.end()),
            std::vector<float>(3 * 48));
}

TEST_P(CpuAttention, NotANumberStaysNotANumber) {
  AttentionInputs in({"NaN", {5}, 1, 8, false, false, 0});
  in.qkv.values[0] = std::nanf("");

  ops().attention(in.y.view(), in.log_sum.view(), in.qkv.read(), 1, in.packing, {});

  EXPECT_TRUE(std::isnan(in.y.values[0]));
}

TEST_P(CpuAttention, AloneOrPackedWithOthersASampleGetsTheSameMask) {
  AttentionInputs packed({"packed", {33, 12}, 2, 16, false, false, 0.3});
  AttentionInputs alone({"alone", {12}, 2, 16, false, false, 0.3});
  alone.tags = TokenTags({12}, 0x123456789ABu + 1);
  alone.dropout = alone.tags.dropout(0.3, DropoutSite::attention_probability);
  alone.packing.offsets = view_of(std::span(std::as_const(alone.tags.offsets)));
  std::copy(packed.qkv.values.end() - 12 * 96, packed.qkv.values.end(), alone.qkv.values.begin());

  ops().attention(packed.y.view(), {}, packed.qkv.read(), 2, packed.packing, packed.dropout);
  ops().attention(alone.y.view(), {}, alone.qkv.read(), 2, alone.packing, alone.dropout);

  EXPECT_TRUE(
      std::equal(alone.y.values.begin(), alone.y.values.end(), packed.y.values.end() - 12 * 32));
}

TEST_P(CpuAttention, RefusesWhatDoesNotFit) {
  AttentionInputs in({"refused", {5, 4}, 2, 8, false, false, 0.1});
  const auto run = [&](const PackedSequences& packing, std::int64_t heads) {
    ops().attention(in.y.view(), in.log_sum.view(), in.qkv.read(), heads, packing, in.dropout);
  };
  PackedSequences packing = in.packing;
  expect_error([&] { run(packing, 5); }, "attention: qkv must be [T, 3 A D] with A = 5 heads");
  packing.max_length = 4;
  expect_error([&] { run(packing, 2); }, "sequence 0 has 5 tokens, expected 0 to max_length 4");
  packing.max_length = 10000;
  expect_error([&] { run(packing, 2); },
               "sequences of up to 10000 tokens and heads of 8 exceed the workspace reserved for "
               "200 tokens a sequence and 32 heads in 4096");
  const std::vector<std::int32_t> offsets = {0, 10};
  packing = {view_of(std::span(offsets)), 10, {}};
  expect_error([&] { run(packing, 2); }, "offsets must rise from 0 to at most the 9 tokens of qkv");
  in.tags.position[2] = 7;
  expect_error([&] { run(in.packing, 2); },
               "positions must rise by one within a sequence; token 2 has 7 after 1");
}

}  // namespace
}  // namespace bertyard::testing
