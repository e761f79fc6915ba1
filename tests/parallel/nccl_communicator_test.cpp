// SPDX-License-Identifier: Apache-2.0
#include "parallel/nccl_communicator.h"

#include <gtest/gtest.h>

#include "core/base/error.h"
#include "parallel/single_communicator.h"
#include "tests/parallel/device_collectives.h"

namespace bertyard::testing {
namespace {

std::string refusal() {
  const auto device = make_cpu_device({.threads = 1});
  SingleCommunicator host;
  try {
    make_nccl_communicator(*device, host, {});
    return {};
  } catch (const EnvironmentError& error) {
    return error.what();
  }
}

TEST(NcclCommunicator, ABuildWithoutItSaysHowToMendIt) {
  if (built_with_nccl()) GTEST_SKIP() << "this build has NCCL";

  EXPECT_EQ(refusal(),
            "built without NCCL, which joins the GPUs of several ranks; configure with the preset "
            "'cuda' on a machine with the CUDA toolkit and NCCL's headers (libnccl-dev), or set "
            "parallel.comm to host or parallel.backend to cpu");
  EXPECT_EQ(nccl_library(), "");
}

TEST(NcclCommunicator, ADeviceThatIsNoGpuIsRefused) {
  if (!built_with_nccl()) GTEST_SKIP() << "this build has no NCCL";

  EXPECT_NE(refusal().find("NCCL: it connects GPUs, and this rank computes on"), std::string::npos);
  EXPECT_EQ(nccl_library().substr(0, 5), "NCCL ");
}

// One rank on the first GPU.
class NcclOnOneGpu : public ::testing::Test {
 protected:
  void SetUp() override {
    try {
      device_ = make_cuda_device({});
      communicator_ = make_nccl_communicator(*device_, host_, {.time_limit = seconds_});
    } catch (const EnvironmentError& error) {
      GTEST_SKIP() << error.what();
    }
  }

  ControlPlane::Seconds seconds_{60};
  SingleCommunicator host_;
  std::unique_ptr<Device> device_;
  std::unique_ptr<NcclCommunicator> communicator_;
};

TEST_F(NcclOnOneGpu, GivesWhatOneRankGives) {
  SingleCommunicator single;

  EXPECT_EQ(all_collectives(*device_, *communicator_, 1003),
            all_collectives(*device_, single, 1003));
  communicator_->finalize();
}

TEST_F(NcclOnOneGpu, ACapturedCollectiveReplays) {
  const DeviceValues x(*device_, values_of_rank(0, 1000));
  {
    const std::unique_ptr<Graph> graph =
        device_->capture([&] { communicator_->all_reduce_sum(x.view()).wait(); });
    for (int i = 0; i < 3; ++i) graph->launch(device_->compute_stream());
    device_->synchronize();
  }
  EXPECT_EQ(x.values(), values_of_rank(0, 1000));
  communicator_->finalize();
}

TEST_F(NcclOnOneGpu, RegisteredMemoryIsReduced) {
  const Buffer memory = communicator_->allocate(1 << 20);
  const TensorView x(memory.data(), DType::f32, {1 << 18});
  communicator_->register_memory(x);
  device_->set_zero(x, device_->compute_stream());
  communicator_->all_reduce_sum(x).wait();
  device_->synchronize();
  communicator_->finalize();
}

}  // namespace
}  // namespace bertyard::testing
