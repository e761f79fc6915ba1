// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace bertyard {

// Whether this process ignores the signal, as one that nohup started ignores SIGHUP.
bool is_ignored(int signal);

// Starts a command, found by PATH, in a process group of its own, with standard input empty.
// Signals have their default effect there, but for a hang-up that is ignored here.
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
