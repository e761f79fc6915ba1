// SPDX-License-Identifier: Apache-2.0
#include "launch/environment.h"

#include <array>
#include <cstdlib>

#include <unistd.h>

#include "parallel/single_communicator.h"

namespace bertyard {
namespace {

const char* own_variable(const char* name) {
  return std::getenv(name);
}

std::string host_name() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return "localhost";
  return name.data();
}

}  // namespace

Launcher own_launcher() {
  return find_launcher(own_variable);
}

MpiEnvironment::MpiEnvironment(const std::string& command)
    : MpiEnvironment(command, own_variable) {}

MpiEnvironment::MpiEnvironment(const std::string& command, const EnvironmentLookup& lookup) {
  const Launcher launcher = find_launcher(lookup);
  place_.hosts = {host_name()};
  const bool alone = launcher.kind == LauncherKind::none ||
                     (!built_with_mpi() && launcher.processes == 1 && launcher.slurm_tasks <= 1);
  if (!alone) {
    world_ = std::make_unique<MpiWorld>();
    place_ = world_->place();
  }
  check_world_size(launcher, place_.size, command);
}

ProcessGroup MpiEnvironment::make_process_group() {
  ProcessGroup group;
  if (world_) {
    group.communicator = world_->make_communicator();
    group.control = world_->make_control_plane();
  } else {
    group.communicator = std::make_unique<SingleCommunicator>();
    group.control = std::make_unique<SingleControlPlane>();
  }
  group.local_rank = place_.local_rank;
  group.local_size = place_.local_size;
  group.hosts = place_.hosts;
  return group;
}

void MpiEnvironment::finalize() {
  if (world_) world_->finalize();
}

void MpiEnvironment::abort(int exit_code) {
  if (world_) world_->abort(exit_code);
}

void MpiEnvironment::end_job(int exit_code) {
  abort(exit_code);
  std::_Exit(exit_code);
}

}  // namespace bertyard
