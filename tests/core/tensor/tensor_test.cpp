// SPDX-License-Identifier: Apache-2.0
#include <array>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/tensor/arena.h"
#include "core/tensor/tensor_view.h"

namespace bertyard {
namespace {

TEST(TensorView, SliceTakesRowsOfTheOutermostAxis) {
  std::array<float, 6> values{0, 1, 2, 3, 4, 5};
  const TensorView matrix(values.data(), DType::f32, {3, 2});

  const TensorView tail = matrix.slice(1, 2);

  EXPECT_EQ(tail.shape(), Shape({2, 2}));
  EXPECT_EQ(tail.as<float>()[0], 2.0f);
}

TEST(TensorView, RefusesTheWrongTypeAndRowsOutside) {
  std::array<float, 2> values{};
  const TensorView view(values.data(), DType::f32, {2});

  EXPECT_THROW(view.as<std::int32_t>(), Error);
  EXPECT_THROW(view.slice(1, 2), Error);
  EXPECT_THROW(view.reshaped({3}), Error);
}

TEST(ArenaPlan, ScratchOverlapsAndPeakIsKept) {
  ArenaPlan plan;
  plan.add(DType::f32, {16});
  const std::size_t mark = plan.mark();
  const ArenaSlot first = plan.add(DType::f32, {32});
  plan.release(mark);

  const ArenaSlot second = plan.add(DType::f32, {8});

  EXPECT_EQ(first.offset, second.offset);
  EXPECT_EQ(plan.bytes(), 64u + 128u);
}

}  // namespace
}  // namespace bertyard
