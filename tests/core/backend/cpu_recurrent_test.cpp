// SPDX-License-Identifier: Apache-2.0
// The LSTM beside its formulas in float64, and its backward beside central differences of those.
#include <algorithm>
#include <cmath>
#include <memory>

#include <gtest/gtest.h>

#include "core/backend/cpu/cpu_recurrent_ops.h"
#include "core/backend/cpu/kernel_choice.h"
#include "core/backend/recurrent_ops.h"
#include "tests/core/backend/host_tensors.h"

namespace bertyard::testing {
namespace {

struct Case {
  const char* name;
  std::int64_t cells, outputs;
  bool projected;
  double cell_clip, projection_clip;
  Direction direction;
};

double sigmoid(double x) {
  return 1 / (1 + std::exp(-x));
}
double clip(double x, double limit) {
  return limit > 0 ? std::min(std::max(x, -limit), limit) : x;
}

// h of every token, one sequence at a time.
Values reference_lstm(const Case& c, const Values& pre, const Values& recurrent,
                      const Values& projection, const std::vector<std::int32_t>& offsets) {
  const auto at = [](std::int64_t i) { return static_cast<std::size_t>(i); };
  Values y(at(offsets.back() * c.outputs));
  for (std::size_t n = 0; n + 1 < offsets.size(); ++n) {
    Values h(at(c.outputs), 0.0), cell(at(c.cells), 0.0);
    const std::int64_t length = offsets[n + 1] - offsets[n];
    for (std::int64_t s = 0; s < length; ++s) {
      const std::int64_t row =
          c.direction == Direction::forward ? offsets[n] + s : offsets[n + 1] - 1 - s;
      Values memory(at(c.cells));
      for (std::int64_t k = 0; k < c.cells; ++k) {
        double gate[4];
        for (std::int64_t g = 0; g < 4; ++g) {
          gate[g] = pre[at((row * 4 + g) * c.cells + k)];
          for (std::int64_t o = 0; o < c.outputs; ++o) {
            gate[g] += h[at(o)] * recurrent[at((g * c.cells + k) * c.outputs + o)];
          }
        }
        double& state = cell[at(k)];
        state = clip(sigmoid(gate[0]) * std::tanh(gate[2]) + sigmoid(gate[1]) * state, c.cell_clip);
        memory[at(k)] = sigmoid(gate[3]) * std::tanh(state);
      }
      for (std::int64_t o = 0; o < c.outputs; ++o) {
        double sum = c.projected ? 0 : memory[at(o)];
        for (std::int64_t k = 0; c.projected && k < c.cells; ++k) {
          sum += memory[at(k)] * projection[at(o * c.cells + k)];
        }
        y[at(row * c.outputs + o)] = clip(sum, c.projection_clip);
      }
      for (std::int64_t o = 0; o < c.outputs; ++o) h[at(o)] = y[at(row * c.outputs + o)];
    }
  }
  return y;
}

class CpuRecurrent : public ::testing::Test {
 protected:
  CpuRecurrent()
      : matrices_(make_openblas(2)), ops_(choose_kernels(""), *matrices_, /*threads=*/2) {}

  const std::vector<std::int32_t> offsets_{0, 3, 8, 9, 14};
  std::unique_ptr<MatrixLibrary> matrices_;
  CpuRecurrentOps ops_;
};

class CpuLstm : public CpuRecurrent, public ::testing::WithParamInterface<Case> {};

INSTANTIATE_TEST_SUITE_P(
    Cells, CpuLstm,
    ::testing::Values(Case{"plain_forward", 5, 5, false, 0, 0, Direction::forward},
                      Case{"plain_backward", 5, 5, false, 0, 0, Direction::backward},
                      Case{"projected", 9, 4, true, 0, 0, Direction::forward},
                      // Limits that some values reach and others do not.
                      Case{"clipped_forward", 9, 4, true, 0.6, 0.35, Direction::forward},
                      Case{"clipped_backward", 9, 4, true, 0.6, 0.35, Direction::backward}),
    [](const auto& test) { return std::string(test.param.name); });

TEST_P(CpuLstm, MatchesTheFormulasAndCentralDifferences) {
  const Case c = GetParam();
  const std::int64_t tokens = offsets_.back();
  HostTensor pre = random_tensor({tokens, 4 * c.cells}, 1, 2);
  HostTensor recurrent = random_tensor({4 * c.cells, c.outputs}, 2, 0.8);
  HostTensor projection = random_tensor({c.outputs, c.cells}, 3, 0.8);
  const HostTensor dy = random_tensor({tokens, c.outputs}, 4);
  HostTensor y({tokens, c.outputs}), gates({tokens, 4 * c.cells}), cells({tokens, c.cells}),
      memory({tokens, c.cells}), previous({tokens, c.outputs}), dpre({tokens, 4 * c.cells});
  HostTensor drecurrent(recurrent.shape, 1.0f), dprojection(projection.shape, 1.0f);
  const LstmCell cell{recurrent.read(), c.projected ? projection.read() : ConstTensorView(),
                      c.cell_clip, c.projection_clip};
  const LstmSaved saved{gates.view(), cells.view(), c.projected ? memory.view() : TensorView(),
                        previous.view()};
  PackedSequences packing;
  packing.offsets = view_of(std::span(offsets_));
  ops_.reserve({tokens, 4, c.cells, c.outputs});

  ops_.lstm(y.view(), saved, pre.read(), cell, packing, c.direction);
  ops_.lstm_backward(dpre.view(),
                     {drecurrent.view(), c.projected ? dprojection.view() : TensorView()},
                     {dy.read(), y.read(), saved, cell, packing, c.direction});

  Values p = pre.doubles(), r = recurrent.doubles(), w = projection.doubles();
  const auto expected = reference_lstm(c, p, r, w, offsets_);
  expect_near(y, expected, 1e-6, "y");
  if (c.projection_clip > 0) {
    EXPECT_TRUE(std::ranges::any_of(expected, [&](double v) { return v == c.projection_clip; }));
    EXPECT_TRUE(std::ranges::any_of(cells.values,
                                    [&](float v) { return v == static_cast<float>(c.cell_clip); }));
  }
  const auto slope = [&](double& value) {
    const double kept = value;
    const auto loss = [&](double at) {
      value = at;
      const Values h = reference_lstm(c, p, r, w, offsets_);
      double sum = 0;
      for (std::size_t i = 0; i < h.size(); ++i) sum += h[i] * dy.values[i];
      return sum;
    };
    const double difference = (loss(kept + 1e-6) - loss(kept - 1e-6)) / 2e-6;
    value = kept;
    return difference;
  };
  const auto check = [&](Values& values, const HostTensor& found, double start, const char* name) {
    Values slopes;
    for (double& value : values) slopes.push_back(start + slope(value));
    expect_near(found, slopes, 2e-6, name);
  };
  check(p, dpre, 0, "dpre");
  check(r, drecurrent, 1, "drecurrent");
  if (c.projected) check(w, dprojection, 1, "dprojection");
}

TEST_F(CpuRecurrent, SaysWhatDoesNotFit) {
  HostTensor y({3, 4}), gates({3, 20}), cells({3, 5}), previous({3, 4});
  const HostTensor recurrent({20, 4});
  const std::vector<std::int32_t> offsets{0, 3};
  PackedSequences packing;
  packing.offsets = view_of(std::span(offsets));
  const LstmSaved saved{gates.view(), cells.view(), {}, previous.view()};

  expect_error(
      [&] {
        ops_.lstm(y.view(), saved, gates.read(), {recurrent.read(), {}}, packing,
                  Direction::forward);
      },
      "lstm: recurrent");
  const HostTensor projection({4, 5});
  HostTensor memory({3, 5});
  const LstmSaved projected{gates.view(), cells.view(), memory.view(), previous.view()};
  expect_error(
      [&] {
        ops_.lstm(y.view(), projected, gates.read(), {recurrent.read(), projection.read()}, packing,
                  Direction::forward);
      },
      "exceed the workspace reserved");
}

// Slopes of sum(weights f(values)) by central differences in float64.
template <typename Function>
Values slopes(Values values, const Values& weights, Function f) {
  Values result;
  for (double& value : values) {
    const double kept = value;
    const auto loss = [&](double at) {
      value = at;
      const Values y = f(values);
      double sum = 0;
      for (std::size_t i = 0; i < y.size(); ++i) sum += weights[i] * y[i];
      return sum;
    };
    result.push_back((loss(kept + 1e-6) - loss(kept - 1e-6)) / 2e-6);
    value = kept;
  }
  return result;
}

Values softmax(const Values& w) {
  double sum = 0;
  for (const double v : w) sum += std::exp(v);
  Values s;
  for (const double v : w) s.push_back(std::exp(v) / sum);
  return s;
}

TEST_F(CpuRecurrent, AddsWhatGoesPastALayer) {
  const HostTensor a({2, 2}, {1, 2, 3, 4});
  HostTensor b({2, 2}, {10, 20, 30, 40}), narrow({2, 1});

  ops_.add(b.view(), a.read(), b.read());

  EXPECT_EQ(b.values, (std::vector<float>{11, 22, 33, 44}));
  expect_error([&] { ops_.add(b.view(), a.read(), narrow.read()); }, "add: b");
}

TEST_F(CpuRecurrent, JoinsAndSplitsColumns) {
  HostTensor a({2, 2}, {1, 2, 6, 7}), b({2, 3}, {3, 4, 5, 8, 9, 10}), y({2, 5});
  HostTensor a_again({2, 2}), b_again({2, 3});

  ops_.join_columns(y.view(), a.read(), b.read());
  ops_.split_columns(a_again.view(), b_again.view(), y.read());

  EXPECT_EQ(y.values, (std::vector<float>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}));
  EXPECT_EQ(a_again.values, a.values);
  EXPECT_EQ(b_again.values, b.values);
}

TEST_F(CpuRecurrent, MixesLayersAndFindsTheSlopesOfTheWeights) {
  const HostTensor x[3] = {random_tensor({6, 5}, 1), random_tensor({6, 5}, 2),
                           random_tensor({6, 5}, 3)};
  const ConstTensorView layers[] = {x[0].read(), x[1].read(), x[2].read()};
  const HostTensor w({3}, {0.3f, -1.0f, 0.8f}), gamma({1}, 1.7f), dy = random_tensor({6, 5}, 4);
  HostTensor y({6, 5}), dw({3}, 1.0f), dgamma({1}, 1.0f);

  ops_.scalar_mix(y.view(), layers, w.read(), gamma.read());
  ops_.scalar_mix_backward(dw.view(), dgamma.view(), dy.read(), layers, w.read(), gamma.read());

  const auto mix = [&](const Values& both) {  // w, then gamma
    const Values s = softmax({both.begin(), both.begin() + 3});
    Values result(30, 0.0);
    for (std::size_t j = 0; j < 3; ++j) {
      for (std::size_t i = 0; i < 30; ++i) result[i] += both[3] * s[j] * x[j].values[i];
    }
    return result;
  };
  Values both = w.doubles();
  both.push_back(gamma.values[0]);
  expect_near(y, mix(both), 1e-6, "y");
  const Values slope = slopes(both, dy.doubles(), mix);
  expect_near(dw, {1 + slope[0], 1 + slope[1], 1 + slope[2]}, 1e-5, "dw");
  expect_near(dgamma, {1 + slope[3]}, 1e-5, "dgamma");
}

TEST_F(CpuRecurrent, PoolsSequencesByAttention) {
  const std::int64_t tokens = offsets_.back();
  const HostTensor x = random_tensor({tokens, 3}, 1), scores = random_tensor({tokens, 1}, 2, 3),
                   dy = random_tensor({4, 3}, 3);
  HostTensor y({4, 3}), a({tokens}), dx({tokens, 3}), dscores({tokens, 1});
  PackedSequences packing;
  packing.offsets = view_of(std::span(offsets_));

  ops_.attention_pool(y.view(), a.view(), x.read(), scores.read(), packing);
  ops_.attention_pool_backward(dx.view(), dscores.view(),
                               {dy.read(), y.read(), a.read(), x.read(), packing});

  const auto pool = [&](const Values& values, const Values& score) {
    Values result(12, 0.0);
    for (std::size_t n = 0; n < 4; ++n) {
      const Values share = softmax({score.begin() + offsets_[n], score.begin() + offsets_[n + 1]});
      for (std::size_t t = 0; t < share.size(); ++t) {
        for (std::size_t c = 0; c < 3; ++c) {
          const std::size_t row = static_cast<std::size_t>(offsets_[n]) + t;
          result[n * 3 + c] += share[t] * values[row * 3 + c];
        }
      }
    }
    return result;
  };
  expect_near(y, pool(x.doubles(), scores.doubles()), 1e-6, "y");
  expect_near(
      dx,
      slopes(x.doubles(), dy.doubles(), [&](const Values& v) { return pool(v, scores.doubles()); }),
      1e-5, "dx");
  const Values once = dx.doubles();
  ops_.attention_pool_backward(dx.view(), dscores.view(),
                               {dy.read(), y.read(), a.read(), x.read(), packing});
  for (std::size_t i = 0; i < once.size(); ++i) {
    EXPECT_FLOAT_EQ(dx.values[i], static_cast<float>(2 * once[i])) << "added to";
  }
  expect_near(
      dscores,
      slopes(scores.doubles(), dy.doubles(), [&](const Values& v) { return pool(x.doubles(), v); }),
      1e-5, "dscores");
}

}  // namespace
}  // namespace bertyard::testing
