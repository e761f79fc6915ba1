// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "launch/launcher.h"
#include "parallel/communicator.h"
#include "parallel/control_plane.h"
#include "parallel/mpi_world.h"

namespace bertyard {

// What the process's own variables say.
Launcher own_launcher();

// A process's view of the run's ranks. Borrows the MpiEnvironment that made it.
struct ProcessGroup {
  std::unique_ptr<Communicator> communicator;
  std::unique_ptr<ControlPlane> control;
  int local_rank = 0;  // among the ranks of this host
  int local_size = 1;
  std::vector<std::string> hosts;  // by rank

  int rank() const { return communicator->rank(); }
  int size() const { return communicator->size(); }
};

// The process's life under its launcher; main makes one, outside the try block whose handler calls
// abort(). MPI is started only under mpirun or srun: from a shell the program is one rank, at once
// and without MPI.
class MpiEnvironment {
 public:
  // `command`: this program's command line, for messages. Throws EnvironmentError when the launcher
  // meant more ranks than there are (see check_world_size), and when the build lacks MPI for them.
  explicit MpiEnvironment(const std::string& command);
  // The same, with other variables than the process's.
  MpiEnvironment(const std::string& command, const EnvironmentLookup& lookup);

  int rank() const { return place_.rank; }
  int size() const { return place_.size; }
  const std::string& host() const { return place_.hosts[static_cast<std::size_t>(rank())]; }

  // Every rank makes this call.
  ProcessGroup make_process_group();

  // The good end, on every rank, after the groups are gone. Not left to a destructor, which would
  // wait for ranks that an error has ended elsewhere.
  void finalize();
  // The bad end: with MPI ends every rank at once with `exit_code` and does not come back. Without
  // MPI comes back: there is no one else to end.
  void abort(int exit_code);
  // The same from any thread, and without MPI too: does not come back.
  [[noreturn]] void end_job(int exit_code);

 private:
  std::unique_ptr<MpiWorld> world_;  // absent: one rank without MPI
  MpiWorld::Place place_;
};

}  // namespace bertyard
