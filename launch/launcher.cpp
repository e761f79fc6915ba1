// SPDX-License-Identifier: Apache-2.0
#include "launch/launcher.h"

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

}  // namespace

Launcher find_launcher(const EnvironmentLookup& lookup) {
  Launcher launcher;
  launcher.slurm_tasks = number(lookup, "SLURM_NTASKS", 0);
  if (lookup("OMPI_COMM_WORLD_SIZE") != nullptr) {
    launcher.kind = LauncherKind::mpirun;
    launcher.processes = number(lookup, "OMPI_COMM_WORLD_SIZE", 1);
    launcher.rank = number(lookup, "OMPI_COMM_WORLD_RANK", 0);
  } else if (lookup("PMIX_RANK") != nullptr) {
    launcher.kind = LauncherKind::pmix;
    launcher.processes = number(lookup, "SLURM_STEP_NUM_TASKS", 1);
    launcher.rank = number(lookup, "PMIX_RANK", 0);
  } else if (lookup("PMI_SIZE") != nullptr) {
    launcher.kind = LauncherKind::old_pmi;
    launcher.processes = number(lookup, "PMI_SIZE", 1);
    launcher.rank = number(lookup, "PMI_RANK", 0);
  }
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
    throw EnvironmentError(
        fmt::format("started 1 process but SLURM_NTASKS={}: srun was not used, or without its "
                    "PMIx plugin\n  fix: srun --mpi=pmix {}",
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
