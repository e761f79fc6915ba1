// SPDX-License-Identifier: Apache-2.0
#include "data/vector_loops.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace bertyard {
namespace {

class VectorLoopsTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    loops_ = vector_loops(GetParam());
    if (loops_ == nullptr) GTEST_SKIP() << "this processor lacks " << GetParam();
  }
  const VectorLoops* loops_ = nullptr;
};

// Against philox4x32() and the definition, number by number.
TEST_P(VectorLoopsTest, EveryLaneGoesThroughTheNetwork) {
  const PhiloxKey key{0x12345678u, 0x9ABCDEF0u};
  for (const std::uint32_t half_mask : {0x7u, 0x3FFu, 0xFFFFFFFFu}) {
    FeistelLanes lanes;
    for (std::size_t i = 0; i < FeistelLanes::kCount; ++i) {
      lanes.left[i] = (0xF0E1D2C3u * (i + 1)) & half_mask;
      lanes.right[i] = (0x89ABCDEFu * (i + 5)) & half_mask;
      lanes.epoch_low[i] = 0xFFFFFFF8u + i % 8;
      lanes.epoch_high[i] = i;
    }
    const FeistelLanes before = lanes;

    loops_->encrypt(lanes, key, 6, half_mask);

    for (std::size_t i = 0; i < FeistelLanes::kCount; ++i) {
      std::uint64_t left = before.left[i], right = before.right[i];
      for (std::uint32_t round = 0; round < 6; ++round) {
        const PhiloxBlock block =
            philox4x32(key, {{static_cast<std::uint32_t>(right), round,
                              static_cast<std::uint32_t>(before.epoch_low[i]),
                              static_cast<std::uint32_t>(before.epoch_high[i])}});
        left = std::exchange(right, left ^ (block.word[0] & half_mask));
      }
      EXPECT_EQ(lanes.left[i], left) << i;
      EXPECT_EQ(lanes.right[i], right) << i;
    }
  }
}

// The greatest at every place of every count.
template <typename Id, typename Widen>
void expect_widened(Widen widen, std::uint32_t greatest_id) {
  EXPECT_EQ(widen(nullptr, 0, nullptr), 0u);
  for (std::size_t count = 1; count <= 140; ++count) {
    std::vector<Id> ids(count);
    for (std::size_t i = 0; i < count; ++i) ids[i] = static_cast<Id>(i * 31 % 1000);
    for (std::size_t place = 0; place < count; ++place) {
      const Id before = std::exchange(ids[place], static_cast<Id>(greatest_id));
      std::vector<std::uint32_t> out(count + 1, 77);

      ASSERT_EQ(widen(ids.data(), count, out.data()), greatest_id) << place << " of " << count;

      ASSERT_TRUE(std::equal(ids.begin(), ids.end(), out.begin()));
      ASSERT_EQ(out[count], 77u) << "written behind the end";
      ids[place] = before;
    }
  }
}

TEST_P(VectorLoopsTest, IdsAreWidenedAndTheGreatestIsFound) {
  expect_widened<std::uint16_t>(loops_->widen_16, 0xFFFFu);
  expect_widened<std::uint32_t>(loops_->widen_32, 0xFFFFFFFFu);
}

TEST_P(VectorLoopsTest, RowsOfASampleAreFilled) {
  for (std::size_t count = 0; count <= 100; ++count) {
    std::vector<std::uint32_t> tokens(count);
    std::vector<std::uint8_t> segments(count);
    for (std::size_t i = 0; i < count; ++i) {
      tokens[i] = static_cast<std::uint32_t>(30'000 - i);
      segments[i] = i < count / 2 ? 0 : 15;
    }
    std::vector<std::int32_t> out_tokens(count + 1, -1), positions(count + 1, -1),
        out_segments(count + 1, -1);
    std::vector<std::uint64_t> samples(count + 1, 5);

    loops_->fill_rows({out_tokens.data(), positions.data(), out_segments.data(), samples.data()},
                      count, tokens.data(), segments.data(), 0x123456789ABCu);

    for (std::size_t i = 0; i < count; ++i) {
      EXPECT_EQ(out_tokens[i], static_cast<std::int32_t>(tokens[i]));
      EXPECT_EQ(positions[i], static_cast<std::int32_t>(i));
      EXPECT_EQ(out_segments[i], segments[i]);
      EXPECT_EQ(samples[i], 0x123456789ABCu);
    }
    EXPECT_EQ(out_tokens[count], -1) << "written behind the end";
    EXPECT_EQ(positions[count], -1);
    EXPECT_EQ(out_segments[count], -1);
    EXPECT_EQ(samples[count], 5u);
  }
}

INSTANTIATE_TEST_SUITE_P(InstructionSets, VectorLoopsTest,
                         ::testing::Values("generic", "avx2", "avx512"),
                         [](const auto& of) { return std::string(of.param); });

TEST(VectorLoops, TheBestIsOneOfThem) {
  EXPECT_EQ(vector_loops(vector_loops().instruction_set), &vector_loops());
  EXPECT_EQ(vector_loops("sse9"), nullptr);
}

}  // namespace
}  // namespace bertyard
