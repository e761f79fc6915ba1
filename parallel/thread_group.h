// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "parallel/communicator.h"
#include "parallel/control_plane.h"

namespace bertyard {

// Ranks as threads of one process, for tests of everything that stands on a Communicator or a
// ControlPlane. Owns both for every rank. Collectives run asynchronously, as MPI's do, add in the
// order of the ranks, and throw when the ranks' calls do not match.
class ThreadGroup {
 public:
  explicit ThreadGroup(int size);
  ~ThreadGroup();
  ThreadGroup(const ThreadGroup&) = delete;
  ThreadGroup& operator=(const ThreadGroup&) = delete;

  int size() const { return static_cast<int>(ranks_.size()); }
  Communicator& communicator(int rank);
  ControlPlane& control_plane(int rank);

  // Runs `body` on one thread per rank and waits for all. The first failure wakes the ranks that
  // wait for the failed one, and is rethrown.
  void run(const std::function<void(Communicator&, ControlPlane&)>& body);

 private:
  struct Shared;
  struct Rank;
  std::unique_ptr<Shared> shared_;
  std::vector<std::unique_ptr<Rank>> ranks_;
};

}  // namespace bertyard
