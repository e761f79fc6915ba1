// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "launch/jobs/host_file.h"

namespace bertyard {

// What is started, and started again.
struct Supervision {
  std::vector<std::string> command;  // bash job.sh; the ranks and the host file are added
  std::vector<HostSlots> hosts;      // empty: this machine alone
  std::filesystem::path host_file;   // written for each start: the hosts that answer
  int ranks = 1;                     // at most
  int restarts = 0;
  // Changes when the run has come further: restarts without that wait longer and longer.
  std::function<std::string()> progress;
  // Said when a start has another number of ranks than the first.
  std::string other_ranks_advice;
};

// Starts the command and waits for it. USR1, USR2, TERM, INT and HUP (where it is not ignored, as
// under nohup) are handed on, and nothing is started again after them. When a rank or a host was
// lost the command is started again on the hosts that answer. Returns the command's last exit code.
int supervise(const Supervision& job);

// Whether a start that ended with `code` is worth another one: not what is done, refused, diverged
// or was asked to stop.
bool is_worth_restarting(int code);
// Seconds to wait before a restart, the `fruitless`th in a row since the run came further.
int restart_delay(int fruitless);
// What an exit code of mpirun means, for people.
std::string exit_code_meaning(int code);

}  // namespace bertyard
