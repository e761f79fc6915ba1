// SPDX-License-Identifier: Apache-2.0
// gpu_check: what one GPU can be asked, in one program without MPI, HDF5 and yaml-cpp.
#include <cstdlib>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "tests/gpu_check/bench.h"

namespace bertyard {
namespace {

constexpr const char* kUsage =
    "gpu_check [TEST OPTIONS]   runs the tests; what needs a GPU is skipped where there is none\n"
    "gpu_check bench [--model bert-large] [--length 128] [--sequences 256] [--steps 20]\n"
    "                [--precision bf16|fp16|fp32|tf32] [--device cuda|cpu]\n"
    "BERTYARD_TEST_DATA names the folder of oracles; tests that need it skip where it is absent\n";

void say_what_is_there() {
  try {
    const DeviceInfo info = make_cuda_device({})->info();
    fmt::print("GPU: {}, {}, {:.1f} GB; {}\n", info.name, info.instruction_set,
               static_cast<double>(info.memory_bytes) * 1e-9, info.libraries);
  } catch (const EnvironmentError& error) {
    fmt::print("no usable GPU, so every test of one is skipped: {}\n", error.what());
  }
  std::fflush(stdout);
}

DType type_of(const std::string& precision) {
  if (precision == "bf16") return DType::bf16;
  if (precision == "fp16") return DType::f16;
  if (precision == "fp32" || precision == "tf32") return DType::f32;
  throw UsageError(
      fmt::format("bench: --precision is bf16, fp16, fp32 or tf32, found {}", precision));
}

std::int64_t number(const std::string& name, const std::string& text) {
  char* end = nullptr;
  const long long value = std::strtoll(text.c_str(), &end, 10);
  if (text.empty() || *end != '\0' || value < 1 || value > 1'000'000) {
    throw UsageError(
        fmt::format("bench: {} is a number from 1 to 1000000, found '{}'", name, text));
  }
  return value;
}

int bench(const std::vector<std::string>& arguments) {
  BenchOptions options;
  std::string precision = "bf16", device = "cuda";
  for (std::size_t i = 0; i < arguments.size(); i += 2) {
    const std::string& name = arguments[i];
    if (i + 1 == arguments.size()) throw UsageError(fmt::format("bench: {} needs a value", name));
    const std::string& value = arguments[i + 1];
    if (name == "--model") {
      options.model = value;
    } else if (name == "--length") {
      options.length = number(name, value);
    } else if (name == "--sequences") {
      options.sequences = number(name, value);
    } else if (name == "--steps") {
      options.steps = static_cast<int>(number(name, value));
    } else if (name == "--precision") {
      precision = value;
    } else if (name == "--device" && (value == "cuda" || value == "cpu")) {
      device = value;
    } else {
      throw UsageError(fmt::format("bench: unknown option {} {}\n{}", name, value, kUsage));
    }
  }
  options.activations = type_of(precision);
  const DeviceMaker make = [&]() -> std::unique_ptr<Device> {
    if (device == "cpu") return make_cpu_device({});
    return make_cuda_device({.tf32 = precision == "tf32"});
  };
  run_bench(make, options);
  return 0;
}

}  // namespace
}  // namespace bertyard

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  try {
    if (!arguments.empty() && arguments[0] == "bench") {
      return bertyard::bench({arguments.begin() + 1, arguments.end()});
    }
    if (!arguments.empty() && arguments[0] == "--help") fmt::print("{}\n", bertyard::kUsage);
    bertyard::say_what_is_there();
    ::testing::InitGoogleTest(&argc, argv);
    return RUN_ALL_TESTS();
  } catch (const bertyard::Error& error) {
    fmt::print(stderr, "gpu_check: {}\n", error.what());
    return static_cast<int>(error.exit_code());
  }
}
