// SPDX-License-Identifier: Apache-2.0
#include "core/backend/cuda/matrix_choices.h"

#include <gtest/gtest.h>

#include "core/base/error.h"

namespace bertyard {
namespace {

constexpr const char* kHeader = "cublasLt 13.1.0, NVIDIA H100, 132 multiprocessors";

MatrixChoices two_choices() {
  return {{"bf16-f32:8x16x32:n32:t32:16:0:0", {{1, 0xabcdef0123456789u, 0, 0, 0, 0, 0, 7}}},
          {"f32-f32:1x2x3:n3:n2:2:1:4", {{0xffffffffffffffffu}}}};
}

TEST(MatrixChoices, AreReadAsTheyWereWritten) {
  const std::string text = write_choices(kHeader, two_choices());

  EXPECT_EQ(text.substr(0, text.find('\n')), kHeader);
  EXPECT_NE(text.find("\nf32-f32:1x2x3:n3:n2:2:1:4 ffffffffffffffff 0000000000000000 "),
            std::string::npos);
  EXPECT_EQ(read_choices(kHeader, text), two_choices());
}

TEST(MatrixChoices, ThoseOfAnotherLibraryOrGpuAreNotTaken) {
  const std::string text = write_choices(kHeader, two_choices());

  EXPECT_EQ(read_choices("cublasLt 13.1.0, NVIDIA H200, 132 multiprocessors", text), std::nullopt);
  EXPECT_EQ(read_choices(kHeader, ""), std::nullopt);
}

TEST(MatrixChoices, ADamagedLineIsShown) {
  for (const char* line :
       {"f32-f32:1x2x3:n3:n2:2:1:4 12", "key 1 2 3 4 5 6 7 x", "key 1 2 3 4 5 6 7 "}) {
    try {
      static_cast<void>(read_choices(kHeader, std::string(kHeader) + "\n" + line + "\n"));
      ADD_FAILURE() << line;
    } catch (const DataError& error) {
      EXPECT_EQ(error.what(),
                "choices of matrix products: expected a key and 8 hexadecimal words, found '" +
                    std::string(line) + "'; delete the file and they are searched for again");
    }
  }
}

TEST(MatrixChoices, AKeyIsEverythingButTheAddressesOfWhichTheAlignmentCounts) {
  alignas(kBestAlignment) float memory[65] = {};
  DeviceProduct product;
  product.y = &memory[0];
  product.m = 3;
  product.n = 4;
  product.k = 5;
  product.a = {&memory[0], 5, Transposed::no};
  product.b = {&memory[0], 5, Transposed::yes};
  product.leading = 4;
  const std::string key = product_key(product);
  product.y = &memory[64];
  ASSERT_EQ(alignment_of(&memory[1]), 4u);
  EXPECT_EQ(product_key(product), key);
  product.y = &memory[1];
  EXPECT_NE(product_key(product), key);
  product.y = &memory[0];
  product.beta = 1;
  EXPECT_NE(product_key(product), key);
}

}  // namespace
}  // namespace bertyard
