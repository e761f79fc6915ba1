// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

namespace bertyard {

// Where every thread of this process is, by a signal to each (SIGRTMIN + 4), whose handler writes
// its own stack. For a process that is about to end: a thread inside generated code may not survive
// the signal.
class StackDump {
 public:
  // Installs the handler and loads what it needs; once, while all is well.
  static void prepare();
  // Writes the stacks of all threads but the caller's. A thread that does not answer in 200 ms is
  // named as such. Nothing where the file cannot be written.
  static void write(const std::filesystem::path& path) noexcept;
};

}  // namespace bertyard
