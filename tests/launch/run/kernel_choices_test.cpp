// SPDX-License-Identifier: Apache-2.0
// Choices of matrix products between ranks and files, on emulated GPUs: each of them makes others.
#include "launch/run/kernel_choices.h"

#include <fstream>
#include <functional>
#include <iterator>
#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "core/backend/layer_ops.h"
#include "core/base/error.h"
#include "parallel/thread_group.h"
#include "tests/support/test_data.h"

namespace bertyard {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

void multiply(Device& device, std::int64_t rows) {
  device.layer_ops().reserve({.tokens = rows, .hidden = 8, .heads = 1, .vocab_size = 8});
  const Buffer memory = device.allocate(3 * 64 * sizeof(float));
  const TensorView all(memory.data(), DType::f32, {3 * 64});
  device.set_zero(all, device.compute_stream());
  device.layer_ops().linear(all.slice(0, rows * 8).reshaped({rows, 8}), {},
                            {.x = all.slice(64, rows * 8).reshaped({rows, 8}),
                             .w = all.slice(128, 64).reshaped({8, 8}),
                             .bias = {}});
  device.synchronize();
}

std::string read(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(stream), {});
}

// Of another kind; of no other use.
class OtherGpu final : public Device {
 public:
  DeviceInfo info() const override {
    DeviceInfo info;
    info.kind = DeviceKind::cuda;
    return info;
  }
  std::string kernel_choices() const override { return "plain loops, another GPU\n"; }
  bool computes(DType) const override { return false; }
  Buffer allocate(std::size_t) override { return {}; }
  Buffer allocate_pinned(std::size_t) override { return {}; }
  std::unique_ptr<Stream> make_stream() override { return nullptr; }
  std::unique_ptr<Event> make_event() override { return nullptr; }
  Stream& compute_stream() override { throw Error("no stream"); }
  void copy(TensorView, ConstTensorView, CopyDirection, Stream&) override {}
  void set_zero(TensorView, Stream&) override {}
  std::unique_ptr<Graph> capture(std::function<void()>) override { return nullptr; }
  void synchronize() override {}
  LayerOps& layer_ops() override { throw Error("no operations"); }
  UpdateOps& update_ops() override { throw Error("no operations"); }
};

class KernelChoicesTest : public ::testing::Test {
 protected:
  KernelChoicesTest() { log_.open_file(log_file().string()); }
  fs::path log_file() const { return directory_.path() / "log"; }
  fs::path file() const { return directory_.path() / "kernel_choices.txt"; }
  void write(const std::string& text) const { std::ofstream(file(), std::ios::binary) << text; }

  // What two ranks know after the call and a product that rank 0 has met in it.
  std::vector<std::string> shared() {
    std::vector<std::string> known(2);
    ThreadGroup group(2);
    group.run([&](Communicator& ranks, ControlPlane& control) {
      const auto gpu = make_cuda_device({});
      const std::string text =
          share_kernel_choices(file(), control, *gpu, log_, [&] { multiply(*gpu, 5); });
      multiply(*gpu, 5);
      EXPECT_EQ(gpu->kernel_choices(), text);
      known[static_cast<std::size_t>(ranks.rank())] = text;
    });
    return known;
  }

  testing::TemporaryDirectory directory_;
  Logger log_{{.console_level = LogLevel::off, .tag = {}}};
};

TEST_F(KernelChoicesTest, EveryRankHasThoseOfRankZero) {
  const std::vector<std::string> known = shared();

  EXPECT_THAT(known[0],
              HasSubstr("plain loops, emulated sm_90, 4 multiprocessors\nf32-f32:5x8x8:"));
  EXPECT_EQ(known[1], known[0]);
}

TEST_F(KernelChoicesTest, WhatWasKeptIsTakenAgain) {
  const std::vector<std::string> first = shared();
  save_kernel_choices(file(), first[0], log_);

  EXPECT_EQ(shared(), first);
  fs::remove(file());
  EXPECT_NE(shared(), first);
}

TEST_F(KernelChoicesTest, ThoseOfAnotherGpuAreMadeAgainWithAWarning) {
  write("cublasLt 1.2.3, NVIDIA T800, 7 multiprocessors\nf32-f32:1x1x1 0 0 0 0 0 0 0 0\n");

  const std::vector<std::string> known = shared();

  EXPECT_EQ(known[1], known[0]);
  EXPECT_THAT(read(log_file()),
              HasSubstr(file().string() +
                        ": its choices of matrix products are for 'cublasLt 1.2.3, NVIDIA T800, 7 "
                        "multiprocessors', and this is 'plain loops, emulated sm_90, 4 "
                        "multiprocessors': they are made again"));
}

TEST_F(KernelChoicesTest, GpusOfTwoKindsAreRefused) {
  ThreadGroup group(2);
  const auto run = [&](Communicator& ranks, ControlPlane& control) {
    const std::unique_ptr<Device> gpu =
        ranks.rank() == 0 ? make_cuda_device({}) : std::make_unique<OtherGpu>();
    share_kernel_choices(file(), control, *gpu, log_, [] {});
  };

  try {
    group.run(run);
    ADD_FAILURE() << "expected an error";
  } catch (const EnvironmentError& error) {
    EXPECT_STREQ(error.what(),
                 "kernel choices: those of rank 0 are for 'plain loops, emulated sm_90, 4 "
                 "multiprocessors', and rank 1 has 'plain loops, another GPU'; the GPUs of a run "
                 "must be of one kind");
  }
}

TEST_F(KernelChoicesTest, ADamagedFileIsNamed) {
  write("plain loops, emulated sm_90, 4 multiprocessors\nkey 1 2 three\n");

  try {
    shared();
    ADD_FAILURE() << "expected an error";
  } catch (const DataError& error) {
    EXPECT_EQ(error.what(),
              file().string() +
                  ": choices of matrix products: expected a key and 8 hexadecimal words, found "
                  "'key 1 2 three'; delete the file and they are searched for again");
  }
}

TEST_F(KernelChoicesTest, AFileThatSaysTheSameIsNotWrittenAgain) {
  const auto inode = [this] {
    struct stat status = {};
    EXPECT_EQ(::stat(file().c_str(), &status), 0);
    return status.st_ino;
  };
  save_kernel_choices(file(), "a\n", log_);
  const auto before = inode();
  const fs::path kept = directory_.path() / "kept";  // so that no number is given twice
  fs::create_hard_link(file(), kept);

  save_kernel_choices(file(), "a\n", log_);
  EXPECT_EQ(inode(), before);
  save_kernel_choices(file(), "b\n", log_);
  EXPECT_NE(inode(), before);
  EXPECT_EQ(read(file()), "b\n");
}

TEST_F(KernelChoicesTest, AFileThatCannotBeWrittenIsAWarning) {
  save_kernel_choices(directory_.path() / "nowhere/kernel_choices.txt", "a\n", log_);

  EXPECT_THAT(read(log_file()),
              HasSubstr("; training goes on, and a resumed run will choose its matrix products "
                        "anew"));
}

TEST_F(KernelChoicesTest, ACpuHasNone) {
  SingleControlPlane control;
  const auto cpu = make_cpu_device({.threads = 1});

  EXPECT_EQ(share_kernel_choices(file(), control, *cpu, log_, [] { ADD_FAILURE(); }), "");
  save_kernel_choices(file(), "", log_);
  EXPECT_FALSE(fs::exists(file()));
}

}  // namespace
}  // namespace bertyard
