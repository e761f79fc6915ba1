// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "core/backend/device.h"
#include "core/backend/layer_ops.h"
#include "core/base/error.h"

namespace bertyard {
namespace {

// 100 rows are two blocks: partial sums 2 x max(3 H, F) or 2 x 1000 entries of the vocabulary for
// 70 masked rows; an order of 100 rows; 32 MiB of products; bf16 weights. Slots of 64 bytes.
TEST(PlannedGpu, CountsTheWorkspaceOfTheGpuBackend) {
  const auto device = make_planned_gpu(1 << 20);
  WorkspaceLimits limits{.tokens = 100,
                         .masked = 70,
                         .sequences = 3,
                         .max_length = 40,
                         .hidden = 16,
                         .heads = 2,
                         .intermediate = 64,
                         .vocab_size = 1000,
                         .parameters = 5000};

  const std::size_t wide = 8000 + 448 + (32u << 20);
  EXPECT_EQ(device->workspace_bytes(limits), wide);
  limits.activations = DType::bf16;
  EXPECT_EQ(device->workspace_bytes(limits), wide + 10048);
}

TEST(PlannedGpu, SaysWhatItIsAndComputesNothing) {
  const auto device = make_planned_gpu(123);

  EXPECT_EQ(device->info().kind, DeviceKind::cuda);
  EXPECT_EQ(device->info().memory_bytes, 123u);
  EXPECT_TRUE(device->computes(DType::bf16));
  EXPECT_FALSE(device->computes(DType::u8));
  EXPECT_THROW((void)device->allocate(1), EnvironmentError);
  EXPECT_THROW((void)device->layer_ops(), EnvironmentError);
}

}  // namespace
}  // namespace bertyard
