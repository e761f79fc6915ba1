// SPDX-License-Identifier: Apache-2.0
// LayerNorm, embedding and rows by index on every backend, against the float64 references.
#include "tests/core/backend/device_fixture.h"

namespace bertyard::testing {
namespace {

class NormOperations : public DeviceOps {
 protected:
  static constexpr double kEpsilon = 1e-5;  // f16 rows of one element are constant

  struct NormCase {
    std::int64_t rows, columns;
    bool residual;
    double dropout;
  };
  // Below and above a warp, a group of eight and what registers hold; whole and broken groups.
  static constexpr NormCase kCases[] = {
      {1, 3, true, 0},    {33, 129, true, 0.1}, {70, 64, false, 0.3}, {5, 768, true, 0.1},
      {9, 1024, true, 0}, {3, 1030, true, 0.1}, {2, 1536, false, 0},  {133, 40, true, 0.5}};
};
INSTANTIATE_TEST_SUITE_P(Device, NormOperations, device_cases(), device_case_name);

TEST_P(NormOperations, AddNormMatchesReference) {
  for (const NormCase& c : kCases) {
    SCOPED_TRACE(::testing::Message() << c.rows << " x " << c.columns);
    const TokenTags tags({static_cast<std::int32_t>(c.rows)});
    const Dropout dropout = on_device(tags.dropout(c.dropout, DropoutSite::attention_output));
    const DeviceTensor x = put(random_tensor({c.rows, c.columns}, 1, 2));
    const DeviceTensor residual = put(random_tensor({c.rows, c.columns}, 2));
    const DeviceTensor gamma = put_f32(random_tensor({c.columns}, 3));
    const DeviceTensor beta = put_f32(random_tensor({c.columns}, 4));
    const DeviceTensor dy = put(random_tensor({c.rows, c.columns}, 5));
    const DeviceTensor y = room({c.rows, c.columns}), normalised = room({c.rows, c.columns});
    const DeviceTensor rstd = room_f32({c.rows});
    const NormSaved saved{normalised.view, rstd.view};
    const NormParameters norm{gamma.view, beta.view, kEpsilon};

    ops().add_norm(y.view, saved, x.view, c.residual ? residual.view : TensorView(), norm, dropout);

    const Dropout host = tags.dropout(c.dropout, DropoutSite::attention_output);
    const Matrix keep = keep_factors(host, c.rows, c.columns);
    Matrix z = elementwise(x.host.matrix(), keep);
    for (std::size_t i = 0; c.residual && i < z.values.size(); ++i) {
      z.values[i] += static_cast<double>(residual.host.values[i]);
    }
    const ReferenceNorm expected =
        layer_norm(z, gamma.host.doubles(), beta.host.doubles(), kEpsilon);
    expect_near(get(y.view), expected.y.values, tolerance(), "y");
    expect_near(get(normalised.view), expected.normalised.values, tolerance(), "normalised");
    expect_near(get(rstd.view), expected.rstd, 1e-5, "rstd");

    const DeviceTensor dx = room({c.rows, c.columns}), dresidual = room({c.rows, c.columns});
    const DeviceTensor dgamma = put_f32(random_tensor({c.columns}, 6));
    const DeviceTensor dbeta = put_f32(random_tensor({c.columns}, 7));
    ops().add_norm_backward(dx.view, c.residual ? dresidual.view : TensorView(),
                            {dgamma.view, dbeta.view}, dy.view, norm, saved, dropout);

    ReferenceNorm as_saved = expected;  // the backward knows the rounded ones
    as_saved.normalised = get(normalised.view).matrix();
    ReferenceNormGradient gradient =
        layer_norm_backward(dy.host.matrix(), as_saved, gamma.host.doubles());
    for (std::size_t i = 0; i < gradient.dgamma.size(); ++i) {
      gradient.dgamma[i] += static_cast<double>(dgamma.host.values[i]);
      gradient.dbeta[i] += static_cast<double>(dbeta.host.values[i]);
    }
    if (c.residual) expect_near(get(dresidual.view), gradient.dz.values, tolerance(), "dresidual");
    expect_near(get(dx.view), elementwise(gradient.dz, keep).values, tolerance(), "dx");
    expect_near(get(dgamma.view), gradient.dgamma, 2e-5, "dgamma");
    expect_near(get(dbeta.view), gradient.dbeta, 2e-5, "dbeta");
  }
}

TEST_P(NormOperations, BackwardMayWorkInPlace) {
  const std::int64_t rows = 12, columns = 72;
  const DeviceTensor normalised = put(random_tensor({rows, columns}, 1));
  const DeviceTensor rstd = put_f32(HostTensor({rows}, 1.5f));
  const DeviceTensor gamma = put_f32(random_tensor({columns}, 3));
  const DeviceTensor dgamma = put_f32(HostTensor({columns})),
                     dbeta = put_f32(HostTensor({columns}));
  const DeviceTensor apart = put(random_tensor({rows, columns}, 5)), dx = room({rows, columns});
  const DeviceTensor in_place = put(random_tensor({rows, columns}, 5));
  const auto run = [&](const TensorView& to, const TensorView& residual, const TensorView& dy) {
    ops().add_norm_backward(to, residual, {dgamma.view, dbeta.view}, dy,
                            {gamma.view, gamma.view, kEpsilon}, {normalised.view, rstd.view}, {});
  };

  run(dx.view, {}, apart.view);
  run(in_place.view, in_place.view, in_place.view);

  EXPECT_EQ(get(in_place.view).values, get(dx.view).values);
}

TEST_P(NormOperations, EmbeddingMatchesReference) {
  const std::int64_t tokens = 301, columns = 40, vocab = 11;
  const TokenTags tags({200, 101});
  const Dropout dropout = on_device(tags.dropout(0.1, DropoutSite::embedding));
  std::vector<std::int32_t> word, segment;
  for (std::int64_t t = 0; t < tokens; ++t) {
    word.push_back(static_cast<std::int32_t>(t % 7 == 0 ? t % vocab : 4));  // long runs of 4
    segment.push_back(t % 200 < 90 ? 0 : 1);
  }
  const EmbeddingIndices indices{put_values(word), put_values(tags.position), put_values(segment)};
  const DeviceTensor words = put_f32(random_tensor({vocab, columns}, 1));
  const DeviceTensor positions = put_f32(random_tensor({200, columns}, 2));
  const DeviceTensor segments = put_f32(random_tensor({2, columns}, 3));
  const DeviceTensor gamma = put_f32(random_tensor({columns}, 4));
  const DeviceTensor beta = put_f32(random_tensor({columns}, 5));
  const DeviceTensor dy = put(random_tensor({tokens, columns}, 6));
  const DeviceTensor y = room({tokens, columns}), normalised = room({tokens, columns});
  const DeviceTensor rstd = room_f32({tokens}), scratch = room({tokens, columns});
  const NormParameters norm{gamma.view, beta.view, kEpsilon};
  const NormSaved saved{normalised.view, rstd.view};

  ops().embedding(y.view, saved, indices, {words.view, positions.view, segments.view}, norm,
                  dropout);

  const Matrix w = words.host.matrix(), p = positions.host.matrix(), g = segments.host.matrix();
  Matrix z(tokens, columns);
  const auto at = [](std::size_t t) { return static_cast<std::int64_t>(t); };
  for (std::size_t t = 0; t < word.size(); ++t) {
    for (std::int64_t c = 0; c < columns; ++c) {
      z(at(t), c) = w(word[t], c) + p(tags.position[t], c) + g(segment[t], c);
    }
  }
  const Matrix keep = keep_factors(tags.dropout(0.1, DropoutSite::embedding), tokens, columns);
  ReferenceNorm expected = layer_norm(z, gamma.host.doubles(), beta.host.doubles(), kEpsilon);
  expect_near(get(y.view), elementwise(expected.y, keep).values, tolerance(), "y");

  const DeviceTensor dwords = put_f32(random_tensor({vocab, columns}, 7));
  const DeviceTensor dpositions = put_f32(HostTensor({200, columns}));
  const DeviceTensor dsegments = put_f32(HostTensor({2, columns}));
  const DeviceTensor dgamma = put_f32(HostTensor({columns})),
                     dbeta = put_f32(HostTensor({columns}));
  ops().embedding_backward({dwords.view, dpositions.view, dsegments.view},
                           {dgamma.view, dbeta.view}, scratch.view,
                           {indices, dy.view, norm, saved, dropout});

  expected.normalised = get(normalised.view).matrix();
  const ReferenceNormGradient gradient =
      layer_norm_backward(elementwise(dy.host.matrix(), keep), expected, gamma.host.doubles());
  Matrix word_sums = dwords.host.matrix(), position_sums(200, columns), segment_sums(2, columns);
  for (std::size_t t = 0; t < word.size(); ++t) {
    for (std::int64_t c = 0; c < columns; ++c) {
      word_sums(word[t], c) += gradient.dz(at(t), c);
      position_sums(tags.position[t], c) += gradient.dz(at(t), c);
      segment_sums(segment[t], c) += gradient.dz(at(t), c);
    }
  }
  expect_near(get(dgamma.view), gradient.dgamma, 2e-5, "dgamma");
  expect_near(get(dbeta.view), gradient.dbeta, 2e-5, "dbeta");
  expect_near(get(dwords.view), word_sums.values, tolerance(), "word");
  expect_near(get(dpositions.view), position_sums.values, tolerance(), "position");
  expect_near(get(dsegments.view), segment_sums.values, tolerance(), "segment");
}

TEST_P(NormOperations, RowsAreGatheredAndAddedBack) {
  for (const std::int64_t columns : {1, 8, 33, 64}) {
    SCOPED_TRACE(columns);
    std::vector<std::int32_t> index;
    for (int i = 0; i < 133; ++i) index.push_back(i % 3 == 0 ? 5 : (i * 7) % 50);
    const TensorView rows = put_values(index);
    const DeviceTensor x = put(random_tensor({50, columns}, 1, 0.1));
    const DeviceTensor gathered = room({133, columns});

    ops().gather_rows(gathered.view, x.view, rows);
    ops().scatter_add_rows(x.view, gathered.view, rows);

    const Matrix before = x.host.matrix();
    Matrix sums = before;
    Values expected;
    for (const std::int32_t row : index) {
      for (std::int64_t c = 0; c < columns; ++c) {
        expected.push_back(before(row, c));
        sums(row, c) += before(row, c);
      }
    }
    expect_near(get(gathered.view), expected, 0, "gathered");
    const double roundings = std::get<0>(GetParam()) == DeviceKind::cpu ? 10 : 1;  // one a row
    expect_near(get(x.view), sums.values, roundings * tolerance(), "sums");
  }
}

}  // namespace
}  // namespace bertyard::testing
