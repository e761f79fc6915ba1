// SPDX-License-Identifier: Apache-2.0
// Memory, streams, events and graphs of a GPU, the real or the emulated one.
#include <array>

#include <gtest/gtest.h>

#include "tests/core/backend/host_tensors.h"

namespace bertyard::testing {
namespace {

class GpuDevice : public ::testing::Test {
 protected:
  void SetUp() override {
    try {
      device_ = make_cuda_device({});
    } catch (const EnvironmentError& error) {
      GTEST_SKIP() << error.what();
    }
  }
  TensorView floats(const Buffer& buffer, std::int64_t count) {
    return {buffer.data(), DType::f32, {count}};
  }
  std::unique_ptr<Device> device_;
};

// Runs everywhere: with a GPU it is about the second error alone.
TEST(GpuDeviceErrors, SayWhatIsMissing) {
  try {
    const auto device = make_cuda_device({});
  } catch (const EnvironmentError& error) {
    const std::string text = error.what();
    EXPECT_TRUE(text.find("no GPU") != std::string::npos ||
                text.find("driver is too old") != std::string::npos ||
                text.find("built without CUDA") != std::string::npos)
        << text;
    EXPECT_NE(text.find("parallel.backend"), std::string::npos) << "how to mend it: " << text;
    return;
  }
  expect_error([] { (void)make_cuda_device({.local_rank = 1000}); },
               "rank 1000 of this node wants GPU 1000, and the node has ");
}

TEST_F(GpuDevice, SaysWhatItIs) {
  const DeviceInfo info = device_->info();
  EXPECT_EQ(info.kind, DeviceKind::cuda);
  EXPECT_EQ(info.instruction_set.substr(0, 3), "sm_");
  EXPECT_GT(info.memory_bytes, std::size_t{1} << 30);
  EXPECT_TRUE(device_->computes(DType::bf16));
  EXPECT_FALSE(device_->computes(DType::u8));
  EXPECT_NE(device_->compute_stream().native(), nullptr);
}

TEST_F(GpuDevice, OutOfMemorySaysHowMuchIsFree) {
  expect_error([&] { (void)device_->allocate(std::size_t{1} << 50); },
               "GPU memory: 1125899.907 GB were asked for and ");
  EXPECT_EQ(device_->allocate(100).bytes(), 100u);
}

TEST_F(GpuDevice, CopiesThroughPinnedMemoryInTheOrderOfAStream) {
  const Buffer memory = device_->allocate(16), pinned = device_->allocate_pinned(16);
  const TensorView on_device = floats(memory, 4), on_host = floats(pinned, 4);
  Stream& stream = device_->compute_stream();
  std::array<float, 4> result{};
  for (std::int64_t i = 0; i < 4; ++i) on_host.as<float>()[i] = static_cast<float>(i);

  device_->copy(on_device, on_host, CopyDirection::host_to_device, stream);
  device_->set_zero(on_device.slice(1, 2), stream);
  device_->copy(view_of(std::span<float>(result)), on_device, CopyDirection::device_to_host,
                stream);
  device_->synchronize();

  EXPECT_EQ(result, (std::array<float, 4>{0, 0, 0, 3}));
  expect_error(
      [&] { device_->copy(on_device, on_host.slice(0, 2), CopyDirection::host_to_device, stream); },
      "copy: expected 4 elements of f32, found 2 of f32");
}

TEST_F(GpuDevice, EventsOrderTwoStreams) {
  const Buffer memory = device_->allocate(16);
  const TensorView x = floats(memory, 4);
  const std::array<float, 4> ones{1, 1, 1, 1};
  const auto other = device_->make_stream();
  const auto filled = device_->make_event();
  std::array<float, 4> result{};
  Stream& compute = device_->compute_stream();

  device_->copy(x, view_of(std::span<const float>(ones)), CopyDirection::host_to_device, compute);
  filled->record(compute);
  filled->make_wait(*other);
  device_->update_ops().add(x, x, *other);
  const auto added = device_->make_event();
  added->record(*other);
  added->make_wait(compute);
  device_->copy(view_of(std::span<float>(result)), x, CopyDirection::device_to_host, compute);
  device_->synchronize();
  added->synchronize();

  EXPECT_TRUE(added->done());
  EXPECT_EQ(result, (std::array<float, 4>{2, 2, 2, 2}));
}

TEST_F(GpuDevice, AGraphRunsWhenLaunchedAndReadsMemoryAnew) {
  const Buffer sums = device_->allocate(16), addends = device_->allocate(16);
  const TensorView sum = floats(sums, 4), addend = floats(addends, 4);
  Stream& stream = device_->compute_stream();
  const auto set = [&](float value) {
    const std::array<float, 4> values{value, value, value, value};
    device_->copy(addend, view_of(std::span<const float>(values)), CopyDirection::host_to_device,
                  stream);
    device_->synchronize();
  };
  device_->set_zero(sum, stream);
  set(5);
  const auto graph = device_->capture([&] { device_->update_ops().add(sum, addend, stream); });

  graph->launch(stream);
  set(7);
  graph->launch(stream);

  std::array<float, 4> result{};
  device_->copy(view_of(std::span<float>(result)), sum, CopyDirection::device_to_host, stream);
  device_->synchronize();
  EXPECT_EQ(result, (std::array<float, 4>{12, 12, 12, 12}));
}

TEST_F(GpuDevice, AFailedCaptureLeavesTheStreamUsable) {
  expect_error([&] { (void)device_->capture([] { throw Error("not recorded"); }); },
               "not recorded");
  const Buffer memory = device_->allocate(16);
  device_->set_zero(floats(memory, 4), device_->compute_stream());
  device_->synchronize();
}

}  // namespace
}  // namespace bertyard::testing
