// SPDX-License-Identifier: Apache-2.0
#include "launch/run/environment.h"

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

WorldStart world_start(const StartOptions& options, const Launcher& launcher) {
  WorldStart start;
  start.limit = std::chrono::duration<double>(options.seconds);
  if (launcher.job.empty() || launcher.processes == 1) return start;
  start.roll_call =
      RollCall({.directory = options.shared_directory / (".tmp-start-" + launcher.job),
                .rank = launcher.rank,
                .size = launcher.processes,
                .local_size = launcher.local_processes,
                .host = host_name()});
  return start;
}

}  // namespace

Launcher own_launcher() {
  return find_launcher(own_variable);
}

MpiEnvironment::MpiEnvironment(const StartOptions& options)
    : MpiEnvironment(options, own_variable) {}

MpiEnvironment::MpiEnvironment(const StartOptions& options, const EnvironmentLookup& lookup)
    : start_seconds_(options.seconds) {
  const Launcher launcher = find_launcher(lookup);
  place_.hosts = {host_name()};
  const bool alone = launcher.kind == LauncherKind::none ||
                     (!built_with_mpi() && launcher.processes == 1 && launcher.slurm_tasks <= 1);
  if (!alone) {
    world_ = std::make_unique<MpiWorld>(world_start(options, launcher));
    place_ = world_->place();
    // At once, while the ranks are together: what follows may keep one of them.
    control_ = world_->make_control_plane();
  }
  check_world_size(launcher, place_.size, options.command);
}

ProcessGroup MpiEnvironment::make_process_group() {
  ProcessGroup group;
  if (world_) {
    group.control = control_ ? std::move(control_) : world_->make_control_plane();
    group.control->barrier("start-up", ControlPlane::Seconds(start_seconds_));
    group.communicator = world_->make_communicator();
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
