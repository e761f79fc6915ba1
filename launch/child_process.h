// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace bertyard {

// Starts a command, found by PATH, in a process group of its own, with standard input empty.
// `output`: a file descriptor for standard output and errors, or -1 for this program's. Throws
// EnvironmentError when it cannot be started.
int start_command(const std::vector<std::string>& command, int output = -1);

// The exit code, 128 + the signal for one that was killed.
int exit_code_of_status(int status);

// What a short command said and how it ended.
struct CommandEnd {
  int code = 0;  // 124: it was killed at the time limit
  std::string output;
};
CommandEnd run_command(const std::vector<std::string>& command, std::chrono::seconds limit);

}  // namespace bertyard
