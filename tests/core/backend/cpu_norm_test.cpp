// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "tests/core/backend/host_tensors.h"

namespace bertyard::testing {
namespace {

// A normalised value is of order 1 and passes through a few roundings of 6e-8 and two sums.
constexpr double kTolerance = 3e-6;

class CpuNorm : public CpuOpsTest {};
INSTANTIATE_TEST_SUITE_P(Isa, CpuNorm, instruction_sets(), instruction_set_name);

Matrix sum(const Matrix& a, const Matrix& b) {
  Matrix y = a;
  for (std::size_t i = 0; i < y.values.size(); ++i) y.values[i] += b.values[i];
  return y;
}

// Row t is 1 in column index[t]: a product with it gathers rows, one with its transpose adds them.
Matrix one_hot(const std::vector<std::int32_t>& index, std::int64_t columns) {
  Matrix rows(static_cast<std::int64_t>(index.size()), columns);
  for (std::size_t t = 0; t < index.size(); ++t) rows(static_cast<std::int64_t>(t), index[t]) = 1;
  return rows;
}

struct NormCase {
  std::int64_t rows, hidden;
  HostTensor x, residual, gamma, beta, dy, normalised, rstd;

  NormCase(std::int64_t r, std::int64_t h)
      : rows(r),
        hidden(h),
        x(random_tensor({r, h}, 1)),
        residual(random_tensor({r, h}, 2)),
        gamma(random_tensor({h}, 3)),
        beta(random_tensor({h}, 4)),
        dy(random_tensor({r, h}, 5)),
        normalised({r, h}),
        rstd({r}) {}
  NormParameters parameters() const { return {gamma.read(), beta.read(), 1e-12}; }
  NormSaved saved() { return {normalised.view(), rstd.view()}; }
  ReferenceNorm reference(const Matrix& z) const {
    return layer_norm(z, gamma.doubles(), beta.doubles(), 1e-12);
  }
};

TEST_P(CpuNorm, MatchesHandComputedGolden) {
  const HostTensor x({1, 4}, {1, 2, 3, 4});
  const HostTensor residual({1, 4}, {0, 2, 4, 6});  // the sum is 1 4 7 10: mean 5.5, variance 11.25
  const HostTensor gamma({4}, {1, 1, 2, 1});
  const HostTensor beta({4}, {0, 0, 1, 0});
  HostTensor y({1, 4});
  HostTensor normalised({1, 4});
  HostTensor rstd({1});

  ops().add_norm(y.view(), {normalised.view(), rstd.view()}, x.read(), residual.read(),
                 {gamma.read(), beta.read(), 0}, {});

  expect_near(rstd, {0.29814239699997196}, 1e-7, "rstd");
  expect_near(y, {-1.3416407865, -0.4472135955, 1.894427191, 1.3416407865}, 1e-6, "y");
}

TEST_P(CpuNorm, ForwardAndBackwardMatchReferenceWithDropout) {
  for (const std::int64_t hidden : {8, 33, 129, 768, 1037, 4096}) {
    const TokenTags tags({60, 7, 64});
    NormCase c(tags.tokens(), hidden);
    const Dropout dropout = tags.dropout(0.1, DropoutSite::attention_output);
    const Matrix keep = keep_factors(dropout, c.rows, hidden);
    HostTensor y({c.rows, hidden}), dx({c.rows, hidden}), dresidual({c.rows, hidden});
    HostTensor dgamma({hidden}, 1), dbeta({hidden}, 2);

    ops().add_norm(y.view(), c.saved(), c.x.read(), c.residual.read(), c.parameters(), dropout);
    ops().add_norm_backward(dx.view(), dresidual.view(), {dgamma.view(), dbeta.view()}, c.dy.read(),
                            c.parameters(), c.saved(), dropout);

    const ReferenceNorm expected =
        c.reference(sum(elementwise(c.x.matrix(), keep), c.residual.matrix()));
    auto gradient = layer_norm_backward(c.dy.matrix(), expected, c.gamma.doubles());
    for (double& value : gradient.dgamma) value += 1;
    for (double& value : gradient.dbeta) value += 2;
    expect_near(y, expected.y.values, kTolerance, "y");
    expect_near(c.rstd, expected.rstd, kTolerance, "rstd");
    expect_near(dresidual, gradient.dz.values, kTolerance, "dresidual");
    expect_near(dx, elementwise(gradient.dz, keep).values, kTolerance, "dx");
    expect_near(dgamma, gradient.dgamma, kTolerance, "dgamma");
    expect_near(dbeta, gradient.dbeta, kTolerance, "dbeta");
  }
}

TEST_P(CpuNorm, GradientsMayOverwriteTheIncomingOne) {
  const TokenTags tags({70});
  const Dropout dropout = tags.dropout(0.1, DropoutSite::attention_output);
  NormCase c(70, 33);
  HostTensor y({70, 33}), dx({70, 33}), dresidual({70, 33}), dgamma({33}), dbeta({33});
  ops().add_norm(y.view(), c.saved(), c.x.read(), c.residual.read(), c.parameters(), dropout);
  ops().add_norm_backward(dx.view(), dresidual.view(), {dgamma.view(), dbeta.view()}, c.dy.read(),
                          c.parameters(), c.saved(), dropout);
  HostTensor in_place = c.dy;
  HostTensor other({70, 33});

  ops().add_norm_backward(in_place.view(), other.view(), {dgamma.view(), dbeta.view()},
                          in_place.read(), c.parameters(), c.saved(), dropout);
  EXPECT_EQ(in_place.values, dx.values);
  in_place = c.dy;
  ops().add_norm_backward(other.view(), in_place.view(), {dgamma.view(), dbeta.view()},
                          in_place.read(), c.parameters(), c.saved(), dropout);
  EXPECT_EQ(in_place.values, dresidual.values);
  in_place = c.dy;
  ops().add_norm_backward(in_place.view(), in_place.view(), {dgamma.view(), dbeta.view()},
                          in_place.read(), c.parameters(), c.saved(), {});
  EXPECT_EQ(in_place.values, dresidual.values);
}

TEST_P(CpuNorm, VarianceSurvivesALargeMean) {
  NormCase c(2, 4096);
  for (float& value : c.x.values) value += 1000.0f;
  HostTensor y({2, 4096});

  ops().add_norm(y.view(), c.saved(), c.x.read(), {}, c.parameters(), {});

  // The inputs' own rounding at 1000 is in the reference too; one pass would lose all digits.
  expect_near(y, c.reference(c.x.matrix()).y.values, 1e-5, "y");
}

TEST_P(CpuNorm, EmbeddingMatchesReference) {
  const TokenTags tags({60, 7, 64});
  const std::int64_t tokens = tags.tokens();
  const std::int64_t hidden = 37;
  NormCase c(tokens, hidden);
  const HostTensor word = random_tensor({11, hidden}, 6), position = random_tensor({64, hidden}, 7),
                   segment = random_tensor({2, hidden}, 8);
  std::vector<std::int32_t> token, kind;
  for (std::int32_t t = 0; t < tokens; ++t) {
    token.push_back(t * 7 % 11);
    kind.push_back(t % 3 == 0 ? 1 : 0);
  }
  const EmbeddingIndices indices = {view_of(std::span(std::as_const(token))),
                                    view_of(std::span(std::as_const(tags.position))),
                                    view_of(std::span(std::as_const(kind)))};
  const Dropout dropout = tags.dropout(0.2, DropoutSite::embedding);
  HostTensor y({tokens, hidden}), scratch({tokens, hidden}), dgamma({hidden}), dbeta({hidden});
  HostTensor dword({11, hidden}), dposition({64, hidden}), dsegment({2, hidden});

  ops().embedding(y.view(), c.saved(), indices, {word.read(), position.read(), segment.read()},
                  c.parameters(), dropout);
  ops().embedding_backward({dword.view(), dposition.view(), dsegment.view()},
                           {dgamma.view(), dbeta.view()}, scratch.view(),
                           {indices, c.dy.read(), c.parameters(), c.saved(), dropout});

  const Matrix words = one_hot(token, 11), positions = one_hot(tags.position, 64),
               segments = one_hot(kind, 2);
  const Matrix z = sum(sum(product(words, word.matrix()), product(positions, position.matrix())),
                       product(segments, segment.matrix()));
  const Matrix keep = keep_factors(dropout, tokens, hidden);
  const ReferenceNorm expected = c.reference(z);
  const auto gradient =
      layer_norm_backward(elementwise(c.dy.matrix(), keep), expected, c.gamma.doubles());
  expect_near(y, elementwise(expected.y, keep).values, kTolerance, "y");
  expect_near(scratch, gradient.dz.values, kTolerance, "dz");
  expect_near(dword, product(transposed(words), gradient.dz).values, kTolerance, "dword");
  expect_near(dposition, product(transposed(positions), gradient.dz).values, kTolerance,
              "dposition");
  expect_near(dsegment, product(transposed(segments), gradient.dz).values, kTolerance, "dsegment");
  expect_near(dgamma, gradient.dgamma, kTolerance, "dgamma");
  expect_near(dbeta, gradient.dbeta, kTolerance, "dbeta");
}

TEST_P(CpuNorm, RefusesWhatDoesNotFit) {
  NormCase c(3, 8);
  HostTensor y({3, 8}), dgamma({8}), dbeta({8});
  const TokenTags tags({2});

  expect_error(
      [&] {
        ops().add_norm(y.view(), c.saved(), c.x.read(), c.residual.read(), c.parameters(),
                       tags.dropout(0.1, DropoutSite::embedding));
      },
      "add_norm: dropout.sample must be u64 [3], found u64 [2]");
  const TokenTags three({3});
  expect_error(
      [&] {
        ops().add_norm(y.view(), c.saved(), c.x.read(), c.residual.read(), c.parameters(),
                       three.dropout(1.0, DropoutSite::embedding));
      },
      "must be at least 0 and below 1, found 1");
  const auto fresh = make_cpu_device({.threads = 1, .instruction_set = GetParam()});
  expect_error(
      [&] {
        fresh->layer_ops().add_norm_backward(y.view(), {}, {dgamma.view(), dbeta.view()},
                                             c.dy.read(), c.parameters(), c.saved(), {});
      },
      "add_norm_backward: 3 rows of 8 exceed the workspace reserved for 0 tokens");
}

TEST_P(CpuNorm, EmbeddingRefusesIdsOutsideTheTable) {
  NormCase c(2, 8);
  HostTensor y({2, 8});
  const HostTensor table({5, 8});
  const std::vector<std::int32_t> good = {0, 4}, bad = {1, 5};
  const auto tables = EmbeddingTables{table.read(), table.read(), table.read()};
  const auto of = [](const std::vector<std::int32_t>& v) { return view_of(std::span(v)); };

  expect_error(
      [&] {
        ops().embedding(y.view(), c.saved(), {of(bad), of(good), of(good)}, tables, c.parameters(),
                        {});
      },
      "embedding: token[1] is 5, expected 0 to 4");
}

}  // namespace
}  // namespace bertyard::testing
