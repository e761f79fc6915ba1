// SPDX-License-Identifier: Apache-2.0
// Linear layers and losses on every backend, against the float64 references.
#include "tests/core/backend/device_fixture.h"

namespace bertyard::testing {
namespace {

class LinearOperations : public DeviceOps {
 protected:
  struct LinearCase {
    std::int64_t rows, in, out;
    Activation activation;
  };
  static constexpr LinearCase kCases[] = {{1, 1, 1, Activation::identity},
                                          {33, 24, 16, Activation::gelu_tanh},  // epilogues
                                          {33, 17, 129, Activation::gelu_tanh},
                                          {70, 40, 64, Activation::gelu_erf},
                                          {16, 31, 24, Activation::tanh}};
  // Products sum `k` terms of f32 or rounded operands.
  double product_tolerance() const { return 2 * tolerance(); }
  // w and bias as the products take them.
  HostTensor rounded(const HostTensor& values) { return put(values).host; }
};
INSTANTIATE_TEST_SUITE_P(Device, LinearOperations, device_cases(), device_case_name);

TEST_P(LinearOperations, ForwardAndBackwardMatchReference) {
  for (const LinearCase& c : kCases) {
    SCOPED_TRACE(::testing::Message() << c.rows << " x " << c.in << " x " << c.out);
    const DeviceTensor x = put(random_tensor({c.rows, c.in}, 1));
    const DeviceTensor w = put_f32(random_tensor({c.out, c.in}, 2));
    const DeviceTensor bias = put_f32(random_tensor({c.out}, 3));
    const DeviceTensor y = room({c.rows, c.out}), pre = room({c.rows, c.out});

    ops().linear(y.view, pre.view, {x.view, w.view, bias.view, c.activation});

    const Matrix weights = rounded(w.host).matrix();
    Matrix expected = product(x.host.matrix(), transposed(weights));
    for (std::int64_t r = 0; r < c.rows; ++r) {
      for (std::int64_t o = 0; o < c.out; ++o) {
        expected(r, o) += static_cast<double>(bias.host.values[static_cast<std::size_t>(o)]);
      }
    }
    expect_near(get(pre.view), expected.values, product_tolerance(), "pre");
    for (double& value : expected.values) value = activation_value(c.activation, value);
    expect_near(get(y.view), expected.values, product_tolerance(), "y");
    const DeviceTensor alone = room({c.rows, c.out});
    ops().linear(alone.view, {}, {x.view, w.view, bias.view, c.activation});
    expect_near(get(alone.view), expected.values, product_tolerance(), "y without pre");

    const DeviceTensor dy = put(random_tensor({c.rows, c.out}, 4));
    const Matrix back = product(dy.host.matrix(), weights);
    const DeviceTensor below = put(random_tensor({c.rows, c.in}, 5));
    const DeviceTensor dx = room({c.rows, c.in}), sum = put(random_tensor({c.rows, c.in}, 6));
    ops().linear_backward_input(dx.view, dy.view, w.view, c.activation, below.view);
    ops().linear_backward_input(sum.view, dy.view, w.view, Accumulate::yes);
    Matrix sloped = back, added = back;
    const Values saved = below.host.doubles(), before = sum.host.doubles();
    for (std::size_t i = 0; i < back.values.size(); ++i) {
      sloped.values[i] *= activation_slope(c.activation, saved[i]);
      added.values[i] += before[i];
    }
    expect_near(get(dx.view), sloped.values, product_tolerance(), "dx");
    expect_near(get(sum.view), added.values, product_tolerance(), "dx accumulated");

    const DeviceTensor dw = put_f32(random_tensor({c.out, c.in}, 7));
    const DeviceTensor dbias = put_f32(random_tensor({c.out}, 8));
    ops().linear_backward_weight(dw.view, dbias.view, dy.view, x.view);
    Matrix dweights = product(transposed(dy.host.matrix()), x.host.matrix());
    Values dbiases = dbias.host.doubles();
    for (std::size_t i = 0; i < dweights.values.size(); ++i) {
      dweights.values[i] += static_cast<double>(dw.host.values[i]);
    }
    for (std::size_t i = 0; i < dy.host.values.size(); ++i) {
      dbiases[i % dbiases.size()] += static_cast<double>(dy.host.values[i]);
    }
    expect_near(get(dw.view), dweights.values, 1e-5, "dw");
    expect_near(get(dbias.view), dbiases, 1e-5, "dbias");
  }
}

TEST_P(LinearOperations, BoundParametersAreRoundedWhenTheyChange) {
  const DeviceTensor flat = put_f32(random_tensor({200}, 1));
  const DeviceTensor x = put(random_tensor({9, 8}, 2)), y = room({9, 16});
  const TensorView w = flat.view.slice(16, 128).reshaped({16, 8}), bias = flat.view.slice(144, 16);
  ops().reserve({.tokens = 16,
                 .hidden = 16,
                 .heads = 1,
                 .intermediate = 16,
                 .vocab_size = 16,
                 .weights = 128,
                 .parameters = 200,
                 .activations = type_});
  ops().bind_parameters(flat.view);
  ops().linear(y.view, {}, {x.view, w, bias});
  const HostTensor first = get(y.view);
  device_->set_zero(w, stream());
  ops().weights_changed();

  ops().linear(y.view, {}, {x.view, w, bias});

  const HostTensor second = get(y.view);
  EXPECT_NE(first.values, second.values);
  Values biases;
  for (std::size_t i = 0; i < second.values.size(); ++i) {
    biases.push_back(static_cast<double>(flat.host.values[144 + i % 16]));
  }
  expect_near(second, biases, tolerance(), "bias alone");
}

TEST_P(LinearOperations, CrossEntropyMatchesReference) {
  for (const std::int64_t classes : {2, 33, 129, 1031}) {
    SCOPED_TRACE(classes);
    const std::int64_t rows = 13;
    const DeviceTensor logits = put(random_tensor({rows, classes}, 1, 6));
    std::vector<std::int32_t> labels;
    Matrix target(rows, classes);
    for (std::int32_t r = 0; r < rows; ++r) {
      labels.push_back(r % 4 == 3 ? -1 : static_cast<std::int32_t>(r * 97 % classes));
      if (labels.back() >= 0) target(r, labels.back()) = 1;
    }
    const Matrix values = logits.host.matrix();
    labels[0] = 0;  // the greatest, or not: found out below
    target = Matrix(rows, classes);
    Values correct;
    for (std::int32_t r = 0; r < rows; ++r) {
      const std::int32_t label = labels[static_cast<std::size_t>(r)];
      if (label >= 0) target(r, label) = 1;
      bool first = label >= 0;
      for (std::int32_t c = 0; first && c < classes; ++c) {
        first = values(r, c) < values(r, label) || (values(r, c) == values(r, label) && c >= label);
      }
      correct.push_back(first ? 1 : 0);
    }
    const TensorView label_view = put_values(labels);
    const TensorView scale = put_values(std::vector<float>{0.25f});
    const DeviceTensor loss = room_f32({rows}), right = room_f32({rows});
    const ReferenceCrossEntropy expected = cross_entropy(values, target);

    ops().cross_entropy(loss.view, right.view, logits.view, label_view);
    expect_near(get(loss.view), expected.loss, 1e-5, "loss");
    expect_near(get(right.view), correct, 0, "correct");
    ops().cross_entropy_gradient(loss.view, right.view, logits.view, label_view, scale);
    expect_near(get(loss.view), expected.loss, 1e-5, "loss beside the gradient");
    expect_near(get(right.view), correct, 0, "correct beside the gradient");
    Values gradient = expected.dlogits.values;
    for (double& value : gradient) value *= 0.25;
    expect_near(get(logits.view), gradient, tolerance(), "dlogits");
  }
}

TEST_P(LinearOperations, SoftCrossEntropyAndSumsMatchReference) {
  const std::int64_t rows = 7, classes = 131;
  const DeviceTensor logits = put(random_tensor({rows, classes}, 1, 4));
  HostTensor soft = random_tensor({rows, classes}, 2);
  for (std::size_t r = 0; r < static_cast<std::size_t>(rows); ++r) {
    float sum = 0;
    const auto row =
        std::span(soft.values)
            .subspan(r * static_cast<std::size_t>(classes), static_cast<std::size_t>(classes));
    for (float& value : row) sum += value = std::fabs(value);
    for (float& value : row) value /= sum;
  }
  const DeviceTensor target = put_f32(soft), loss = room_f32({rows});
  const TensorView sum = put_values(std::vector<double>{2.5});

  ops().soft_cross_entropy_gradient(loss.view, logits.view, target.view,
                                    put_values(std::vector<float>{2}));
  ops().add_sum(sum, loss.view);

  const ReferenceCrossEntropy expected = cross_entropy(logits.host.matrix(), soft.matrix());
  double total = 2.5;
  for (const double value : expected.loss) total += value;
  Values gradient = expected.dlogits.values;
  for (double& value : gradient) value *= 2;
  expect_near(get(loss.view), expected.loss, 1e-5, "loss");
  expect_near(get(logits.view), gradient, tolerance(), "dlogits");
  EXPECT_NEAR(values_of<double>(sum)[0], total, 1e-4);
}

}  // namespace
}  // namespace bertyard::testing
