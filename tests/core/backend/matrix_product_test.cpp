// SPDX-License-Identifier: Apache-2.0
#include "core/backend/cpu/matrix_product.h"

#include <gtest/gtest.h>

#include "core/backend/cpu/kernel_choice.h"
#include "tests/core/backend/host_tensors.h"

namespace bertyard::testing {
namespace {

class MatrixProductTest : public ::testing::TestWithParam<MatrixLibraryChoice> {
 protected:
  void SetUp() override {
    if (GetParam() == MatrixLibraryChoice::onednn && !onednn_usable()) {
      GTEST_SKIP() << "built without oneDNN";
    }
    library_ = make_matrix_library(GetParam(), 2, choose_kernels("").pack);
  }
  std::unique_ptr<MatrixLibrary> library_;
};
INSTANTIATE_TEST_SUITE_P(Library, MatrixProductTest,
                         ::testing::Values(MatrixLibraryChoice::openblas,
                                           MatrixLibraryChoice::onednn),
                         [](const auto& tested) {
                           return tested.param == MatrixLibraryChoice::onednn ? "onednn"
                                                                              : "openblas";
                         });

struct Size {
  std::int64_t m, n, k;
};

MatrixOperand operand(const HostTensor& stored, Transpose transpose) {
  return {stored.values.data(), stored.shape[1], transpose};
}

TEST_P(MatrixProductTest, EveryTransposeAndOddSizeMatchesReference) {
  for (const Size size :
       {Size{1, 1, 1}, {33, 129, 37}, {1, 64, 300}, {200, 3, 17}, {129, 260, 1}}) {
    for (const Transpose ta : {Transpose::no, Transpose::yes}) {
      for (const Transpose tb : {Transpose::no, Transpose::yes}) {
        const bool flip_a = ta == Transpose::yes, flip_b = tb == Transpose::yes;
        const HostTensor a =
            random_tensor(flip_a ? Shape{size.k, size.m} : Shape{size.m, size.k}, 1);
        const HostTensor b =
            random_tensor(flip_b ? Shape{size.n, size.k} : Shape{size.k, size.n}, 2);
        for (const float beta : {0.0f, 1.0f}) {
          // What beta 0 finds must not matter, NaN included.
          HostTensor y({size.m, size.n}, beta == 0 ? std::nanf("") : 1.0f);

          library_->multiply({.y = y.values.data(),
                              .leading = size.n,
                              .a = operand(a, ta),
                              .b = operand(b, tb),
                              .m = size.m,
                              .n = size.n,
                              .k = size.k,
                              .beta = beta});

          Values expected = product(flip_a ? transposed(a.matrix()) : a.matrix(),
                                    flip_b ? transposed(b.matrix()) : b.matrix())
                                .values;
          for (double& value : expected) value += static_cast<double>(beta);
          expect_near(y, expected, 2e-6, "y");  // 300 products of order 1 in float
        }
      }
    }
  }
}

TEST_P(MatrixProductTest, RowsMayLieApart) {
  const std::vector<float> a = {1, 2, 99, 3, 4, 99};  // [2, 2] of rows 3 apart
  const std::vector<float> b = {1, 0, 0, 1};
  std::vector<float> y = {0, 0, 7, 7, 0, 0, 7, 7};

  library_->multiply({.y = y.data(),
                      .leading = 4,
                      .a = {a.data(), 3, Transpose::no},
                      .b = {b.data(), 2, Transpose::no},
                      .m = 2,
                      .n = 2,
                      .k = 2});

  EXPECT_EQ(y, (std::vector<float>{1, 2, 7, 7, 3, 4, 7, 7}));
}

TEST_P(MatrixProductTest, DeviceNamesTheLibraryItUses) {
  const auto device = make_cpu_device({.threads = 1, .matrix_library = GetParam()});

  EXPECT_EQ(device->info().libraries, library_->name());
  EXPECT_TRUE(library_->name().starts_with(
      GetParam() == MatrixLibraryChoice::onednn ? "oneDNN " : "OpenBLAS "));
}

TEST(MatrixLibrary, OneDnnIsRefusedByNameWhereTheBuildLacksIt) {
  if (onednn_usable()) GTEST_SKIP() << "built with oneDNN";

  expect_error([] { (void)make_onednn(1, choose_kernels("").pack); },
               "built without oneDNN: set the matrix library");
}

}  // namespace
}  // namespace bertyard::testing
