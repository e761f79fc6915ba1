// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "parallel/communicator.h"
#include "parallel/control_plane.h"
#include "parallel/job_queue.h"
#include "parallel/roll_call.h"

namespace bertyard {

// How ranks of one host add: through shared memory, or by MPI as ranks of several hosts do.
enum class NodeSums { shared_memory, mpi };

// Whether this program was built with MPI; without it MpiWorld's constructor throws.
bool built_with_mpi();
// "Open MPI v4.1.4, ..."; empty without MPI.
std::string mpi_library();

// How long MPI may take to join the ranks, and how to find out who is missing then.
struct WorldStart {
  std::chrono::duration<double> limit{60};
  std::optional<RollCall> roll_call;
};

// MPI of this process, from its start to its end; one per process. Owns the thread that makes every
// MPI call, so MPI_THREAD_SERIALIZED is enough. Everything it makes borrows that thread and must be
// gone before it.
class MpiWorld {
 public:
  struct Place {
    int rank = 0;
    int size = 1;
    int local_rank = 0;  // among the ranks of this host
    int local_size = 1;
    std::vector<std::string> hosts;  // by rank
  };

  // Initialises MPI. Throws EnvironmentError when the build has none, MPI cannot start, or not all
  // ranks come within the limit; the process can then only end, by _Exit.
  explicit MpiWorld(const WorldStart& start = WorldStart());
  // Does not finalise: after an error the other ranks would be waited for in vain.
  ~MpiWorld();
  MpiWorld(const MpiWorld&) = delete;
  MpiWorld& operator=(const MpiWorld&) = delete;

  const Place& place() const { return place_; }
  // Every rank makes these calls in the same order.
  std::unique_ptr<Communicator> make_communicator(NodeSums node_sums = NodeSums::shared_memory);
  // As if the ranks lay on hosts as `place` says: for tests.
  std::unique_ptr<Communicator> make_communicator(const Place& place);
  std::unique_ptr<ControlPlane> make_control_plane();

  // The good end, called by every rank: waits for the others.
  void finalize();
  // The bad end: ends all ranks at once with `exit_code`. The only call that may come from any
  // thread, whatever the MPI thread is stuck in.
  [[noreturn]] void abort(int exit_code);

 private:
  // A pointer, because a thread that MPI never lets go cannot be waited for.
  std::unique_ptr<JobQueue> mpi_thread_;
  Place place_;
  std::vector<std::function<void()>> at_finalize_;  // collective, run on the MPI thread
};

}  // namespace bertyard
