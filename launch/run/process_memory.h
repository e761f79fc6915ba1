// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>

#include "launch/run/pretraining_setup.h"

namespace bertyard {

// What the process of a rank takes of its host's memory beside what is planned for its device.
struct ProcessMemory {
  std::size_t program = 0;   // code, libraries, MPI, data looked at
  std::size_t batches = 0;   // steps that are made ahead
  std::size_t saving = 0;    // of rank 0: the copy that is written while training goes on
  std::size_t products = 0;  // what oneDNN compiles, once every shape has come: not in total()
  std::size_t total() const { return program + batches + saving; }
};

// Of rank 0, which takes the most.
ProcessMemory process_memory(const PretrainingSetup& setup);
// "66.2 MiB beside it (program ...); together 93.5 MiB, growing ..."
std::string process_memory_text(const PretrainingSetup& setup);

// Of this process, now and at most so far.
std::size_t resident_bytes();
std::size_t peak_resident_bytes();

}  // namespace bertyard
