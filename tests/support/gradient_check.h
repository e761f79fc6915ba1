// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include <gtest/gtest.h>

#include "core/nn/parameters.h"

namespace bertyard::testing {

// d/de loss(values + e direction) at 0 by the five-point stencil, whose error is of order e^4.
// `loss` is asked again after each change of the values.
template <typename Number>
double derivative_along(std::span<float> values, const std::vector<Number>& direction,
                        const std::function<double()>& loss) {
  const std::vector<float> saved(values.begin(), values.end());
  const auto loss_at = [&](double step) {
    for (std::size_t k = 0; k < saved.size(); ++k) {
      values[k] = static_cast<float>(saved[k] + step * direction[k]);
    }
    const double result = loss();
    std::copy(saved.begin(), saved.end(), values.begin());
    return result;
  };
  constexpr double e = 0.03;
  return (8 * (loss_at(e) - loss_at(-e)) - (loss_at(2 * e) - loss_at(-2 * e))) / (12 * e);
}

// Holds the gradients in `store` to central differences of `loss`: for every tensor along its
// gradient, where the derivative is the gradient's length; to within `absolute` and 0.003 of it.
// Tensors whose gradient is zero in theory are left out, as the key's bias, which moves no softmax.
inline void expect_gradients_match(ParameterStore& store, const std::function<double()>& loss,
                                   double absolute) {
  const auto all = store.gradients().span<float>();
  const std::vector<float> gradients(all.begin(), all.end());

  for (int i = 0; i < store.size(); ++i) {
    const ParameterInfo& info = store.info({i});
    const std::span<float> values = store.value(ParameterId{i}).span<float>();
    const auto first = gradients.begin() + info.offset;
    std::vector<double> direction(first, first + static_cast<std::ptrdiff_t>(values.size()));
    double squares = 0;
    for (const double g : direction) squares += g * g;
    const double norm = std::sqrt(squares);
    if (norm < 1e-7) continue;
    for (double& g : direction) g /= norm;

    const double measured = derivative_along(values, direction, loss);

    EXPECT_NEAR(measured, norm, absolute + 3e-3 * norm) << info.name;
  }
}

}  // namespace bertyard::testing
