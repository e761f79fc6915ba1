// SPDX-License-Identifier: Apache-2.0
#include "core/backend/cpu/narrow_products.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/backend/cpu/kernel_choice.h"
#include "core/backend/cpu/narrow_floats.h"
#include "core/base/error.h"
#include "tests/core/backend/host_tensors.h"

namespace bertyard::testing {
namespace {

constexpr int kThreads = 2;

HostTensor rounded(HostTensor x) {
  for (float& value : x.values) value = to_float(to_bfloat16(value));
  return x;
}

// y = a w^T + bias
HostTensor product(MatrixLibrary& library, const HostTensor& a, const HostTensor& w,
                   const HostTensor& bias, SecondOperand second) {
  HostTensor y({a.shape[0], w.shape[0]}, 0);
  library.multiply({.y = y.values.data(),
                    .leading = y.shape[1],
                    .a = {a.values.data(), a.shape[1]},
                    .b = {w.values.data(), w.shape[1], Transpose::yes},
                    .m = a.shape[0],
                    .n = w.shape[0],
                    .k = a.shape[1],
                    .bias = bias.values.data(),
                    .second = second});
  return y;
}

TEST(NarrowProducts, RoundTheOperandsAndNothingElse) {
  const CpuKernels kernels = choose_kernels("");
  auto plain = make_matrix_library(MatrixLibraryChoice::automatic, kThreads, kernels.pack);
  if (!plain->computes(DType::bf16)) GTEST_SKIP() << "no instructions for bf16 here";
  const auto narrow = make_narrow_products(
      make_matrix_library(MatrixLibraryChoice::automatic, kThreads, kernels.pack), kernels.cast,
      kThreads);
  for (const std::int64_t rows : {33, 5}) {
    const HostTensor a = random_tensor({rows, 129}, 1), w = random_tensor({37, 129}, 2),
                     bias = random_tensor({37}, 3);

    const HostTensor y = product(*narrow, a, w, bias, SecondOperand::weight);

    // Sums of 129 terms in f32: the order of adding shows in the last bits.
    const HostTensor expected =
        product(*plain, rounded(a), rounded(w), bias, SecondOperand::changes);
    for (std::size_t i = 0; i < y.values.size(); ++i) {
      EXPECT_NEAR(y.values[i], expected.values[i], 2e-5);
    }
    EXPECT_EQ(product(*narrow, a, w, bias, SecondOperand::changes).values,
              product(*plain, a, w, bias, SecondOperand::changes).values);
    narrow->weights_changed();  // the next `w` may lie where this one lay
  }
}

TEST(NarrowProducts, RefuseALibraryWithoutBf16) {
  try {
    make_narrow_products(make_openblas(kThreads), choose_kernels("").cast, kThreads);
    FAIL() << "expected an EnvironmentError";
  } catch (const EnvironmentError& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("products in bf16: expected a processor"));
  }
}

}  // namespace
}  // namespace bertyard::testing
