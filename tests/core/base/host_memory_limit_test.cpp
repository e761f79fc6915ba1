// SPDX-License-Identifier: Apache-2.0
#include "core/base/host_memory_limit.h"

#include <fstream>
#include <limits>

#include <gtest/gtest.h>

#include "tests/support/test_data.h"

namespace bertyard {
namespace {

constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();

class CgroupMemoryLimit : public ::testing::Test {
 protected:
  void set(const std::string& cgroup, const std::string& limit) const {
    std::filesystem::create_directories(root() / cgroup);
    std::ofstream(root() / cgroup / "memory.max") << limit << "\n";
  }
  const std::filesystem::path& root() const { return directory_.path(); }

  testing::TemporaryDirectory directory_;
};

TEST_F(CgroupMemoryLimit, IsTheLeastFromTheRootDown) {
  EXPECT_EQ(cgroup_memory_limit(root(), "0::/\n"), kNone);
  set("slurm", "max");
  set("slurm/job_12", "8589934592");
  set("slurm/job_12/step_0", "max");
  set("slurm/job_13", "1024");
  EXPECT_EQ(cgroup_memory_limit(root(), "0::/slurm/job_12/step_0\n"), 8589934592u);
  EXPECT_EQ(cgroup_memory_limit(root(), "0::/slurm\n"), kNone);
  set(".", "4096");  // a container's own
  EXPECT_EQ(cgroup_memory_limit(root(), "0::/\n"), 4096u);
  EXPECT_EQ(cgroup_memory_limit(root(), "0::/slurm/job_12/step_0\n"), 4096u);
}

TEST_F(CgroupMemoryLimit, OtherHierarchiesAreNotRead) {
  set("a", "4096");
  EXPECT_EQ(cgroup_memory_limit(root(), "12:memory:/a\n1:name=systemd:/a\n"), kNone);
  EXPECT_EQ(cgroup_memory_limit(root(), "12:memory:/a\n0::/a\n"), 4096u);
}

TEST(ProcBytes, AreThoseOfTheLine) {
  const testing::TemporaryDirectory directory;
  const std::string file = directory.path() / "status";
  std::ofstream(file) << "Name:\tVmRSS: \nVmPeak:\t  9 kB\nVmRSS:\t  123456 kB\n";
  EXPECT_EQ(proc_bytes(file.c_str(), "VmRSS:"), 123456u << 10);
  EXPECT_EQ(proc_bytes(file.c_str(), "VmSwap:"), std::nullopt);
  EXPECT_EQ(proc_bytes("/nothing", "VmRSS:"), std::nullopt);
}

TEST(HostMemoryLimit, IsThatOfAMachine) {
  EXPECT_GT(host_memory_limit(), std::size_t{64} << 20);
  EXPECT_LT(host_memory_limit(), kNone);
}

}  // namespace
}  // namespace bertyard
