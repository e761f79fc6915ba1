// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/process.h"
#include "tests/support/test_data.h"

namespace bertyard {

using Arguments = std::vector<std::string>;
Arguments with(Arguments first, const Arguments& more);

// A line of loss.log.
struct LossLine {
  std::int64_t step = 0;
  double mlm = 0;
  double sentence = 0;
  std::int64_t masked = 0;
  std::int64_t samples = 0;
};
std::vector<LossLine> parse_losses(const std::string& text);
double relative_difference(double a, double b);

// The whole program as a user runs it, in a directory of its own in which a small text has been
// prepared: run.yaml, text.txt, vocab.txt, data/. Trains into runs/NAME.
class RunTest : public ::testing::Test {
 protected:
  void SetUp() override;
  // No test leaves a process behind.
  void TearDown() override;

  // `bertyard VERB ARGUMENTS...`, from the shell: no mpirun.
  testing::Process start_program(const Arguments& arguments) const;
  testing::Ended run_program(const Arguments& arguments) const;
  // `bertyard train run.yaml run.name=NAME ARGUMENTS...` under mpirun, from the shell with 0 ranks.
  testing::Process start_training(int ranks, const std::string& name,
                                  const Arguments& arguments = {}) const;
  testing::Ended train(int ranks, const std::string& name, const Arguments& arguments = {}) const;
  Arguments training_command(int ranks, const std::string& name, const Arguments& arguments) const;
  // `bertyard ARGUMENTS...` as a command, under mpirun or, with 0 ranks, not.
  static Arguments program_command(int ranks, const Arguments& arguments,
                                   const char* program = BERTYARD_PROGRAM);
  testing::Process start(const Arguments& command) const;

  std::filesystem::path path(const std::string& relative) const { return directory_ / relative; }
  std::filesystem::path run(const std::string& name) const { return path("runs/" + name); }
  std::string config() const { return path("run.yaml").string(); }
  std::string read(const std::filesystem::path& file) const;
  void write(const std::filesystem::path& file, const std::string& text) const;

  // The last record of a run's metrics.jsonl of this kind.
  nlohmann::json last_record(const std::string& name, const std::string& kind) const;
  // Lines of loss.log so far; 0 where there is none.
  std::int64_t steps(const std::string& name) const;
  // Waits until loss.log of a running training has so many lines. False: the training ended.
  bool wait_for_steps(testing::Process& training, const std::string& name,
                      std::int64_t lines) const;
  // Waits for every process of this test to go, which they must within `seconds`.
  void expect_nobody_left(int seconds = 20) const;
  // loss.log, weights and optimizer state of the newest checkpoints are the same bytes.
  void expect_same_bits(const std::string& first, const std::string& second) const;
  // A training that USR1 stopped and that went on has the bits of one that was not stopped.
  void expect_same_bits_after_a_stop(const Arguments& arguments) const;
  // With parallel.reduction: ordered 1, 2 and 3 ranks have the same bits.
  void expect_same_bits_for_any_ranks(const Arguments& arguments) const;
  // The contents of every file below `directory`, by relative path; without the name of the last
  // holder in .lock.
  std::map<std::string, std::string> snapshot(const std::filesystem::path& directory) const;

  // Ended with `code`, one line with "error: " in all that was said, `words` in it, nobody left.
  void expect_error(const testing::Ended& ended, int code, const Arguments& words) const;
  // The training ends so on one rank and on two.
  void expect_refused(int code, const Arguments& words, const std::string& name,
                      const Arguments& arguments = {}) const;

  testing::TemporaryDirectory directory_;
  testing::Process::Options process_options_{directory_.path(), {}, {}};
};

// Skips a test that starts ranks where the build has no MPI.
#define BERTYARD_REQUIRE_MPIRUN()                                                       \
  do {                                                                                  \
    if (std::string(BERTYARD_MPIEXEC).empty()) GTEST_SKIP() << "this build has no MPI"; \
  } while (false)

}  // namespace bertyard
