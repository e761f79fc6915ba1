// SPDX-License-Identifier: Apache-2.0
#include "launch/run/launcher.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstring>

#include <fmt/format.h>

#include "core/base/error.h"

namespace bertyard {
namespace {

// `otherwise` where the variable is absent or not a number above 0.
int number(const EnvironmentLookup& lookup, const char* name, int otherwise) {
  const char* text = lookup(name);
  if (text == nullptr) return otherwise;
  int value = 0;
  const char* end = text + std::strlen(text);
  const auto [rest, error] = std::from_chars(text, end, value);
  return error == std::errc() && rest == end && value > 0 ? value : otherwise;
}

// PMIx's name of the job, which SLURM gives again to a job that was requeued.
std::string job_name(const EnvironmentLookup& lookup) {
  const char* space = lookup("PMIX_NAMESPACE");
  if (space == nullptr) return {};
  std::string name = space;
  if (const char* restarts = lookup("SLURM_RESTART_COUNT")) name += fmt::format("-{}", restarts);
  std::replace_if(
      name.begin(), name.end(), [](char c) { return std::isalnum(c) == 0 && c != '.'; }, '-');
  return name;
}

}  // namespace

int tasks_of_node(std::string_view tasks_per_node, int index) {
  while (!tasks_per_node.empty()) {
    const std::string_view part = tasks_per_node.substr(0, tasks_per_node.find(','));
    tasks_per_node.remove_prefix(std::min(part.size() + 1, tasks_per_node.size()));
    int tasks = 0, hosts = 1;
    const auto counted = std::from_chars(part.begin(), part.end(), tasks);
    const std::size_t times = part.find("(x");
    if (counted.ec != std::errc()) return 0;
    if (times != std::string_view::npos)
      std::from_chars(part.begin() + times + 2, part.end(), hosts);
    if (index < hosts) return tasks;
    index -= hosts;
  }
  return 0;
}

Launcher find_launcher(const EnvironmentLookup& lookup) {
  Launcher launcher;
  launcher.slurm_tasks = number(lookup, "SLURM_NTASKS", 0);
  if (lookup("OMPI_COMM_WORLD_SIZE") != nullptr) {
    launcher.kind = LauncherKind::mpirun;
    launcher.processes = number(lookup, "OMPI_COMM_WORLD_SIZE", 1);
    launcher.rank = number(lookup, "OMPI_COMM_WORLD_RANK", 0);
    launcher.local_processes = number(lookup, "OMPI_COMM_WORLD_LOCAL_SIZE", 0);
  } else if (lookup("PMIX_RANK") != nullptr) {
    launcher.kind = LauncherKind::pmix;
    launcher.processes = number(lookup, "SLURM_STEP_NUM_TASKS", 1);
    launcher.rank = number(lookup, "PMIX_RANK", 0);
    const char* tasks = lookup("SLURM_STEP_TASKS_PER_NODE");
    if (tasks != nullptr) {
      launcher.local_processes = tasks_of_node(tasks, number(lookup, "SLURM_NODEID", 0));
    }
  } else if (lookup("PMI_SIZE") != nullptr) {
    launcher.kind = LauncherKind::old_pmi;
    launcher.processes = number(lookup, "PMI_SIZE", 1);
    launcher.rank = number(lookup, "PMI_RANK", 0);
  } else if (lookup("SLURM_STEP_ID") != nullptr) {
    launcher.rank = number(lookup, "SLURM_PROCID", 0);  // srun without PMIx: for one message, not N
  }
  launcher.job = job_name(lookup);
  return launcher;
}

void check_one_process(const Launcher& launcher, std::string_view verb) {
  if (launcher.processes <= 1) return;
  throw UsageError(
      fmt::format("'{}' is one process, but {} were started; start it without mpirun or srun", verb,
                  launcher.processes));
}

void check_world_size(const Launcher& launcher, int world_size, std::string_view command) {
  if (world_size > 1) return;
  if (launcher.kind != LauncherKind::mpirun && launcher.slurm_tasks > 1) {
    throw EnvironmentError(fmt::format(
        "started 1 process but SLURM_NTASKS={}: srun was not used, or without its "
        "PMIx plugin\n  fix: srun --mpi=pmix {}     (or: bertyard launch CONFIG --submit "
        "writes such a job)\n  in a shell that kept SLURM's variables after its job: unset "
        "SLURM_NTASKS",
        launcher.slurm_tasks, command));
  }
  if (launcher.processes > 1) {
    throw EnvironmentError(
        fmt::format("the launcher started {} processes, but each of them is alone: it belongs to "
                    "another MPI than this program was built with\n  fix: use the mpirun of that "
                    "MPI ('bertyard version --build' names it), or srun --mpi=pmix {}",
                    launcher.processes, command));
  }
}

}  // namespace bertyard
