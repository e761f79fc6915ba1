// SPDX-License-Identifier: Apache-2.0
#include <bit>

#include <gtest/gtest.h>

#include "core/backend/cpu/narrow_floats.h"
#include "core/backend/device.h"
#include "tests/core/backend/host_tensors.h"

namespace bertyard::testing {
namespace {

TEST(CpuDevice, SaysWhatDecidesTheBits) {
  const auto device = make_cpu_device({.threads = 2, .instruction_set = "generic"});

  const DeviceInfo info = device->info();

  EXPECT_EQ(info.kind, DeviceKind::cpu);
  EXPECT_EQ(info.instruction_set, "generic");
  EXPECT_EQ(info.threads, 2);
  EXPECT_GT(info.memory_bytes, std::size_t{1} << 28);
}

TEST(CpuDevice, AllocationsAreAlignedAndImpossibleOnesExplained) {
  const auto device = make_cpu_device({});

  const Buffer small = device->allocate(100);

  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(small.data()) % 64, 0u);
  EXPECT_EQ(small.bytes(), 100u);
  expect_error([&] { (void)device->allocate(std::size_t{1} << 50); },
               "CPU memory: 1125899.907 GB were asked for");
}

TEST(CpuDevice, RefusesOptionsItCannotMeet) {
  expect_error([] { (void)make_cpu_device({.threads = -1}); }, "threads must be 0 (automatic)");
  expect_error([] { (void)make_cpu_device({.instruction_set = "sse9"}); }, "'sse9'");
}

TEST(CpuDevice, CopiesZeroesAndReplays) {
  const auto device = make_cpu_device({});
  Stream& stream = device->compute_stream();
  const HostTensor from({3}, {1, 2, 3});
  HostTensor to({3}), other({2});

  device->copy(to.view(), from.read(), CopyDirection::host_to_device, stream);
  EXPECT_EQ(to.values, from.values);
  device->set_zero(to.view(), stream);
  EXPECT_EQ(to.values, std::vector<float>(3));
  expect_error(
      [&] { device->copy(other.view(), from.read(), CopyDirection::host_to_device, stream); },
      "copy: expected 2 elements of f32, found 3 of f32");
  int runs = 0;
  const auto graph = device->capture([&] { ++runs; });
  EXPECT_EQ(runs, 0);
  graph->launch(stream);
  graph->launch(stream);
  EXPECT_EQ(runs, 2);
}

TEST(CpuDevice, NarrowFloatsRoundToNearestEven) {
  EXPECT_EQ(to_bfloat16(1.0f).bits, 0x3F80);
  EXPECT_EQ(to_bfloat16(1.00390625f).bits, 0x3F80);  // half way: to even, down
  EXPECT_EQ(to_bfloat16(1.01171875f).bits, 0x3F82);  // half way: to even, up
  EXPECT_EQ(to_bfloat16(3.4e38f).bits, 0x7F80);      // overflows to infinity
  EXPECT_EQ(to_float16(1.0f).bits, 0x3C00);
  EXPECT_EQ(to_float16(65519.0f).bits, 0x7BFF);
  EXPECT_EQ(to_float16(65520.0f).bits, 0x7C00);
  EXPECT_EQ(to_float16(0x1p-24f).bits, 0x0001);
  EXPECT_EQ(to_float16(0x1p-25f).bits, 0x0000);     // half way: to even, down
  EXPECT_EQ(to_float16(-0x1.8p-24f).bits, 0x8002);  // half way: to even, up
  EXPECT_TRUE(std::isnan(to_float(to_float16(std::nanf("")))));
  EXPECT_TRUE(std::isnan(to_float(to_bfloat16(std::nanf("")))));
}

TEST(CpuDevice, EveryFloat16SurvivesARoundTrip) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const Float16 half{static_cast<std::uint16_t>(bits)};
    if ((bits & 0x7FFF) > 0x7C00) continue;  // NaN
    ASSERT_EQ(to_float16(to_float(half)).bits, bits);
  }
}

TEST(CpuDevice, CastConvertsBetweenAllThreeTypes) {
  const auto device = make_cpu_device({.threads = 2});
  Stream& stream = device->compute_stream();
  const HostTensor x({4}, {1.5f, -2, 0.25f, 1024});
  std::vector<BFloat16> brain(4);
  std::vector<Float16> half(4);
  HostTensor back({4});
  const TensorView brain_view = view_of(std::span<BFloat16>(brain));
  const TensorView half_view = view_of(std::span<Float16>(half));

  device->update_ops().cast(brain_view, x.read(), stream);
  device->update_ops().cast(half_view, brain_view, stream);
  device->update_ops().cast(back.view(), half_view, stream);

  EXPECT_EQ(back.values, x.values);
}

}  // namespace
}  // namespace bertyard::testing
