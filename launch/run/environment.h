// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "launch/run/launcher.h"
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

// What a start goes by.
struct StartOptions {
  std::string command;  // this program's command line, for messages
  double seconds = 60;  // within which every rank has to come: parallel.start_timeout
  // Of all hosts; where ranks that wait for others leave a sign.
  std::filesystem::path shared_directory = ".";
};

// The process's life under its launcher; main makes one, outside the try block whose handler calls
// abort(). MPI is started only under mpirun or srun: from a shell the program is one rank, at once
// and without MPI.
class MpiEnvironment {
 public:
  // Throws EnvironmentError when the launcher meant more ranks than there are (see
  // check_world_size), when the build lacks MPI for them, and when ranks are missing.
  explicit MpiEnvironment(const StartOptions& options);
  // The same, with other variables than the process's.
  MpiEnvironment(const StartOptions& options, const EnvironmentLookup& lookup);

  int rank() const { return place_.rank; }
  int size() const { return place_.size; }
  const std::string& host() const { return place_.hosts[static_cast<std::size_t>(rank())]; }

  // Every rank makes this call, within the start's time limit; a rank that does not is named.
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
  double start_seconds_;
  std::unique_ptr<MpiWorld> world_;        // absent: one rank without MPI
  std::unique_ptr<ControlPlane> control_;  // until a group is made
  MpiWorld::Place place_;
};

}  // namespace bertyard
