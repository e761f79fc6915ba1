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

// What so many ranks on one host take of its memory together, rank 0 among them; on GPUs what their
// processes take beside it.
std::size_t host_memory(const PretrainingSetup& setup, int ranks);
// "12.4 of 23.5 GiB: 2 ranks", or by how much that is too many and what to do.
std::string host_memory_text(const PretrainingSetup& setup, int ranks);
// "23.5 GiB, room for 12 of these ranks" on a host like this.
std::string host_room_text(const PretrainingSetup& setup);

// Of this process, now and at most so far.
std::size_t resident_bytes();
std::size_t peak_resident_bytes();

}  // namespace bertyard
