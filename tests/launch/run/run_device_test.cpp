// SPDX-License-Identifier: Apache-2.0
#include "launch/run/run_device.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/backend/built_with.h"
#include "core/base/error.h"
#include "core/tensor/buffer.h"

namespace bertyard {
namespace {

template <typename Call>
std::string refusal(Call call) {
  try {
    static_cast<void>(call());
  } catch (const EnvironmentError& error) {
    return error.what();
  }
  return "nothing was refused";
}

RunConfig with_backend(BackendChoice backend) {
  RunConfig config;
  config.parallel.backend = backend;
  config.parallel.threads = 1;
  return config;
}

TEST(RunDevice, AutoIsAGpuWhereThereIsOne) {
  const auto device = make_run_device(with_backend(BackendChoice::automatic), {});
  EXPECT_EQ(device->info().kind, cuda_device_count() > 0 ? DeviceKind::cuda : DeviceKind::cpu);
}

TEST(RunDevice, CpuIsTheCpu) {
  EXPECT_EQ(make_run_device(with_backend(BackendChoice::cpu), {})->info().kind, DeviceKind::cpu);
}

TEST(RunDevice, CudaWithoutAGpuSaysWhatIsMissingAndHowToGoOn) {
  if (cuda_device_count() > 0) GTEST_SKIP() << "there is a GPU";
  const std::string text =
      refusal([] { return make_run_device(with_backend(BackendChoice::cuda), {}); });
  const char* expected = built_with_cuda() ? "no GPU: " : "built without CUDA: ";
  EXPECT_EQ(text.find(expected), 0u) << text;
  EXPECT_NE(text.find("set parallel.backend to cpu"), std::string::npos) << text;
}

TEST(RunDevice, Tf32IsRefusedOnTheCpu) {
  RunConfig config = with_backend(BackendChoice::cpu);
  config.precision = Precision::tf32;
  EXPECT_EQ(refusal([&] { return make_run_device(config, {}); }),
            "precision: tf32 needs a GPU, and this run computes on the CPU; use fp32");
}

TEST(RunDevice, WhatJoinsGpusIsRefusedOnTheCpu) {
  for (const auto& [choice, name] :
       {std::pair(CommChoice::nccl, "nccl"), std::pair(CommChoice::host, "host")}) {
    RunConfig config = with_backend(BackendChoice::cpu);
    config.parallel.comm = choice;
    for (const auto make : {make_run_device, make_teaching_device}) {
      try {
        static_cast<void>(make(config, {}));
        ADD_FAILURE() << name;
      } catch (const UsageError& error) {
        const std::string text = error.what();
        EXPECT_EQ(text.find(fmt::format("parallel.comm: {} is for ranks on GPUs, and this run "
                                        "computes on ",
                                        name)),
                  0u)
            << text;
        EXPECT_NE(text.find("; use auto"), std::string::npos) << text;
      }
    }
  }
}

TEST(RunDevice, DistillationIsRefusedOnAGpu) {
  const std::string text =
      "parallel.backend: cuda does not teach yet: distillation computes on the CPU; use cpu";
  EXPECT_EQ(refusal([] { return make_teaching_device(with_backend(BackendChoice::cuda), {}); }),
            text);
  RunConfig taught = with_backend(BackendChoice::cuda);
  taught.distill.teacher = "teacher";
  EXPECT_EQ(refusal([&] { return make_run_device(taught, {}); }), text);
  EXPECT_EQ(make_teaching_device(with_backend(BackendChoice::automatic), {})->info().kind,
            DeviceKind::cpu);
}

TEST(RunDevice, WeightsAreFilledInPlaceOnTheCpu) {
  const auto device = make_cpu_device({.threads = 1});
  ParameterStore parameters;
  const ParameterId weight = parameters.add("weight", {2, 3}, WeightDecay::yes);
  std::vector<float> values(static_cast<std::size_t>(parameters.flat_elements()));
  parameters.bind(view_of(std::span(values)), {});

  fill_on_host(*device, parameters, [&] { parameters.value(weight).as<float>()[5] = 7; });

  EXPECT_EQ(values[5], 7);
  EXPECT_EQ(parameters.values().data(), values.data());
}

}  // namespace
}  // namespace bertyard
