// SPDX-License-Identifier: Apache-2.0
#include "core/backend/cpu/pair_blocks.h"

#include <gtest/gtest.h>

#include "core/backend/cpu/kernel_choice.h"
#include "core/base/error.h"
#include "tests/core/backend/host_tensors.h"
#include "tests/core/backend/narrow_values.h"

namespace bertyard::testing {
namespace {

class PairBlocksTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    try {
      kernels_ = choose_kernels(GetParam()).pack;
    } catch (const EnvironmentError& error) {
      GTEST_SKIP() << error.what();
    }
  }
  PackKernels kernels_ = {};
};
INSTANTIATE_TEST_SUITE_P(Isa, PairBlocksTest, instruction_sets(), instruction_set_name);

// By the definition of PairBlocks: element (r, c) of B is half r % 2 of pair c % 64 in row
// r / 2 % 16 of block (c / 64, r / 32), and all else is 0.
std::vector<std::uint16_t> expected_blocks(const std::vector<float>& values, bool flip,
                                           std::int64_t k, std::int64_t n) {
  const std::int64_t down = (k + 31) / 32, across = (n + 63) / 64;
  std::vector<std::uint16_t> halves(static_cast<std::size_t>(down * across * 2048), 0);
  for (std::int64_t r = 0; r < k; ++r) {
    for (std::int64_t c = 0; c < n; ++c) {
      const std::int64_t block = c / 64 * down + r / 32;
      const std::int64_t at = block * 2048 + (r / 2 % 16 * 64 + c % 64) * 2 + r % 2;
      halves[static_cast<std::size_t>(at)] =
          bf16_bits(values[static_cast<std::size_t>(flip ? c * k + r : r * n + c)]);
    }
  }
  return halves;
}

TEST_P(PairBlocksTest, EveryElementLiesWhereTheLayoutSaysAndTheRestIsZero) {
  const std::pair<std::int64_t, std::int64_t> sizes[] = {
      {1, 1}, {2, 64}, {31, 65}, {32, 64}, {33, 63}, {257, 130}, {512, 192}, {700, 3}};
  for (const auto& [k, n] : sizes) {
    for (const DType type : {DType::f32, DType::bf16}) {
      for (const bool flip : {false, true}) {
        SCOPED_TRACE(::testing::Message()
                     << k << " x " << n << ' ' << name_of(type) << ' ' << flip);
        HostTensor b = random_tensor(flip ? Shape{n, k} : Shape{k, n}, 7);
        b.values[0] = std::nanf("");
        const std::vector<std::byte> stored = narrowed(b.values, type);
        const MatrixOperand operand{stored.data(), b.shape[1],
                                    flip ? Transpose::yes : Transpose::no, type};
        if (!packs_pairs(operand)) {
          EXPECT_TRUE(flip && type == DType::bf16);
          continue;
        }
        const auto expected = expected_blocks(b.values, flip, k, n);
        // What lay there before must not matter.
        std::vector<std::uint16_t> blocks(expected.size(), 0xABCD);
        pack_pairs(blocks.data(), operand, k, n, kernels_, /*threads=*/2);
        EXPECT_EQ(blocks, expected);
      }
    }
  }
}

}  // namespace
}  // namespace bertyard::testing
