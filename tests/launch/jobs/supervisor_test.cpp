// SPDX-License-Identifier: Apache-2.0
#include "launch/jobs/supervisor.h"

#include <csignal>
#include <fstream>
#include <iterator>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/error.h"
#include "tests/support/test_data.h"

namespace bertyard {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

// Jobs that are shell scripts: each start appends its arguments to starts.txt.
class SupervisorTest : public ::testing::Test {
 protected:
  Supervision job(const std::string& script) const {
    std::ofstream(directory_ / "job.sh") << "cd '" << directory_.path().string()
                                         << "'; echo \"$@\" >>starts.txt; n=$(wc -l <starts.txt)\n"
                                         << script << "\n";
    Supervision job;
    job.command = {"bash", (directory_ / "job.sh").string()};
    job.ranks = 4;
    job.restarts = 2;
    job.progress = [this] { return read("starts.txt"); };  // every start comes further
    return job;
  }
  std::string read(const std::string& name) const {
    std::ifstream file(directory_ / name);
    return std::string(std::istreambuf_iterator<char>(file), {});
  }

  testing::TemporaryDirectory directory_;
};

TEST_F(SupervisorTest, StartsAgainAfterALostRankUntilTheRunIsDone) {
  EXPECT_EQ(supervise(job("[ $n = 3 ] || kill -9 $$; exit 0")), 0);
  EXPECT_EQ(read("starts.txt"), "4\n4\n4\n");
}

TEST_F(SupervisorTest, GivesUpAndSaysSo) {
  ::testing::internal::CaptureStderr();

  EXPECT_EQ(supervise(job("exit 205")), 205);

  EXPECT_THAT(::testing::internal::GetCapturedStderr(),
              AllOf(HasSubstr("the ranks ended with code 205 (mpirun lost a host)\n"),
                    HasSubstr("starting again in 1 s with 4 ranks (restart 1 of 2)"),
                    HasSubstr("gave up after 2 restarts")));
  EXPECT_EQ(read("starts.txt"), "4\n4\n4\n");
}

TEST_F(SupervisorTest, LeavesHostsOutThatDoNotAnswer) {
  std::ofstream(directory_ / "shell") << "#!/bin/sh\n[ $1 = n1 ]\n";
  ::chmod((directory_ / "shell").c_str(), 0700);
  setenv("OMPI_MCA_plm_rsh_agent", (directory_ / "shell").c_str(), 1);
  Supervision two = job("cp \"$2\" hosts.$n; [ $n = 2 ] || exit 137");
  two.hosts = {{"n1", 1}, {"n2", 3}};
  two.host_file = directory_ / "live";
  two.other_ranks_advice = "the bits stay";
  ::testing::internal::CaptureStderr();

  EXPECT_EQ(supervise(two), 0);

  unsetenv("OMPI_MCA_plm_rsh_agent");
  EXPECT_THAT(::testing::internal::GetCapturedStderr(),
              AllOf(HasSubstr("no answer from n2"), HasSubstr("with 1 ranks on 1 of 2 hosts"),
                    HasSubstr("the bits stay")));
  EXPECT_EQ(read("hosts.1"), "n1 slots=1\nn2 slots=3\n");
  EXPECT_EQ(read("hosts.2"), "n1 slots=1\n");
}

TEST_F(SupervisorTest, HandsASignalOnAndStartsNothingAfterIt) {
  std::thread sender([this] {
    while (read("ready").empty()) usleep(10000);
    kill(getpid(), SIGUSR1);
  });

  EXPECT_EQ(supervise(job("trap 'exit 9' USR1; echo yes >ready; while :; do sleep 0.05; done")), 9);

  sender.join();
  EXPECT_EQ(read("starts.txt"), "4\n");
}

TEST_F(SupervisorTest, AHangUpThatIsIgnoredIsNotHandedOn) {
  const auto former = std::signal(SIGHUP, SIG_IGN);  // what nohup does
  std::thread sender([&] {
    while (read("ready").empty()) usleep(10000);
    kill(getpid(), SIGHUP);
    std::ofstream(directory_ / "sent") << "yes\n";
  });

  EXPECT_EQ(supervise(job("echo yes >ready; while [ ! -s sent ]; do sleep 0.05; done; "
                          "kill -HUP $$; exit 5")),
            5);

  sender.join();
  std::signal(SIGHUP, former);
  EXPECT_EQ(read("starts.txt"), "4\n");
}

TEST(IsWorthRestarting, KnowsTheExitCodes) {
  for (const int code : {0, 2, 3, 5, 75, 143}) EXPECT_FALSE(is_worth_restarting(code)) << code;
  for (const int code : {1, 4, 74, 124, 134, 137, 139, 205}) {
    EXPECT_TRUE(is_worth_restarting(code)) << code;
  }
}

TEST(RestartDelay, GrowsWithoutProgress) {
  EXPECT_EQ(restart_delay(0), 1);
  EXPECT_EQ(restart_delay(3), 8);
  EXPECT_EQ(restart_delay(100), 60);
}

class HostFileTest : public SupervisorTest {
 protected:
  std::vector<HostSlots> hosts(const std::string& text) const {
    std::ofstream(directory_ / "hosts") << text;
    return read_host_file(directory_ / "hosts");
  }
};

TEST_F(HostFileTest, ReadsOpenMpisLines) {
  const auto read = hosts("# cluster\nn1 slots=8  # old\n\n  n2\n");
  EXPECT_EQ(read, (std::vector<HostSlots>{{"n1", 8}, {"n2", 1}}));
  EXPECT_EQ(slots_of(read), 9);
  EXPECT_EQ(host_file_text(read), "n1 slots=8\nn2 slots=1\n");
}

TEST_F(HostFileTest, NamesTheLineThatIsWrong) {
  EXPECT_THAT([&] { hosts("n1\nn2 slots=x\n"); },
              ThrowsMessage<UsageError>(
                  HasSubstr("hosts:2: error: 'slots=x', expected a host and how many ranks")));
  EXPECT_THAT([&] { hosts("# none\n"); }, ThrowsMessage<UsageError>(HasSubstr("no host stands")));
  EXPECT_THAT([&] { read_host_file(directory_ / "absent"); },
              ThrowsMessage<UsageError>(HasSubstr("cannot be read")));
}

}  // namespace
}  // namespace bertyard
