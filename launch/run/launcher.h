// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace bertyard {

// What started this process, as far as the environment variables tell before MPI is asked.
enum class LauncherKind {
  none,     // a shell
  mpirun,   // Open MPI's: OMPI_COMM_WORLD_SIZE
  pmix,     // srun --mpi=pmix and other PMIx launchers: PMIX_RANK
  old_pmi,  // PMI-1 and PMI-2, which Open MPI may not speak: PMI_SIZE
};

struct Launcher {
  LauncherKind kind = LauncherKind::none;
  int processes = 1;        // how many the launcher says that it started; 1 where it says nothing
  int slurm_tasks = 0;      // SLURM_NTASKS; 0 outside SLURM
  int rank = 0;             // which of the processes this is; 0 where the launcher says nothing
  int local_processes = 0;  // of them, those on this host; 0 where the launcher says nothing
  std::string job{};  // the same for all processes of one start, as a file's name; may be empty
};

// The value of an environment variable, or nullptr.
using EnvironmentLookup = std::function<const char*(const char* name)>;

// Open MPI's variables come first: under sbatch with mpirun SLURM's describe the batch shell.
Launcher find_launcher(const EnvironmentLookup& lookup);

// "2(x2),1": SLURM's tasks of each host, of the host with this index; 0 where there is none.
int tasks_of_node(std::string_view tasks_per_node, int index);

// Throws UsageError when `verb`, which is one process, was started as several: they would write the
// same files at the same time.
void check_one_process(const Launcher& launcher, std::string_view verb);

// Throws EnvironmentError when the launcher meant more processes than the `world_size` that MPI
// sees: each would train alone and overwrite the others' files. `command` is this program's command
// line, for the line that says how to start it.
void check_world_size(const Launcher& launcher, int world_size, std::string_view command);

}  // namespace bertyard
