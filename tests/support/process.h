// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace bertyard::testing {

// How a process ended.
struct Ended {
  int code = 0;        // exit code, or 128 + the signal that killed it
  std::string output;  // standard output
  std::string errors;  // standard error
};

// A program started with its output in files; killed and reaped when the object goes.
class Process {
 public:
  struct Options {
    std::filesystem::path directory;          // works there and leaves its output there
    std::vector<std::string> environment;     // NAME=value, beside the test's own
    std::optional<std::uint64_t> file_bytes;  // no file may grow beyond (RLIMIT_FSIZE)
  };
  Process(std::vector<std::string> command, Options options);
  ~Process();
  Process(Process&& other) noexcept;
  Process& operator=(Process&&) = delete;

  pid_t id() const { return id_; }
  void signal(int number) const;
  bool running();
  // Waits for the end; what runs longer is killed and has code -1.
  Ended wait(std::chrono::seconds limit = std::chrono::seconds(120));

 private:
  bool poll();

  Options options_;
  pid_t id_ = -1;
  std::optional<int> status_;
  std::string name_;  // of the two output files
};

// The processes that have `text` in their command line, this one left out.
std::vector<pid_t> processes_naming(const std::string& text);
// Of these, the children of `parent`.
std::vector<pid_t> children_naming(pid_t parent, const std::string& text);

}  // namespace bertyard::testing
