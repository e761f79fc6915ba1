// SPDX-License-Identifier: Apache-2.0
#include "launch/verbs/verb_launch.h"

#include <filesystem>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include "core/backend/built_with.h"
#include "core/base/error.h"
#include "data/files/atomic_file.h"
#include "data/files/directories.h"
#include "launch/jobs/child_process.h"
#include "launch/jobs/job_script.h"
#include "launch/jobs/shell_words.h"
#include "launch/jobs/supervisor.h"
#include "launch/verbs/verb_check.h"

namespace bertyard {
namespace {

namespace fs = std::filesystem;

std::string program_of(const RunConfig& config) {
  if (!config.launch.program.empty()) return config.launch.program;
  if (!config.slurm.container.empty()) return "bertyard";
  return fs::read_symlink("/proc/self/exe").string();
}

JobPlan plan_of(const LaunchVerbOptions& options, const RunConfig& config, const fs::path& output) {
  JobPlan plan;
  plan.config = options.request.path;
  plan.directory = fs::current_path().string();
  plan.run = output.parent_path().string();
  plan.output = output.string();
  plan.program = {program_of(config), "train"};
  plan.arguments = options.arguments;
  plan.arguments.insert(plan.arguments.end(), {"--resume", "auto"});
  plan.run_name = config.run.name;
  plan.is_root = geteuid() == 0;
  plan.slurm = config.slurm;
  plan.launch = config.launch;
  return plan;
}

// What would end every start: said now, not after a night in the queue.
void check_ranks(const RunConfig& config, int ranks) {
  const ParallelOptions& parallel = config.parallel;
  if (parallel.reduction != Reduction::ordered || parallel.leaves >= ranks) return;
  throw UsageError(fmt::format(
      "launch: parallel.leaves {} is fewer than {} ranks; ordered reduction needs leaves >= ranks; "
      "use {}",
      parallel.leaves, ranks, ranks));
}

void check_places(const LaunchVerbOptions& options, const RunConfig& config) {
  if (!options.hosts.empty() && options.local > 0) {
    throw UsageError("launch: --hosts and --local exclude each other; give one of them");
  }
  if (options.hosts.empty() && options.local == 0) return;
  if (!options.slurm_switches.empty()) {
    throw UsageError(
        fmt::format("launch: only a SLURM job obeys {}; take {} out, or --hosts and --local",
                    fmt::join(options.slurm_switches, ", "),
                    options.slurm_switches.size() == 1 ? "it" : "them"));
  }
  if (!config.slurm.array.empty()) {
    throw UsageError(
        "launch: 'slurm.array' needs SLURM; leave out --hosts and --local, or slurm.array");
  }
}

// Whether the ranks will compute on GPUs, which this machine need not have.
bool takes_gpus(const RunConfig& config) {
  const bool is_other_program = !config.launch.program.empty() || !config.slurm.container.empty();
  return config.slurm.gpus_per_node > 0 && config.parallel.backend == BackendChoice::automatic &&
         !config.distill.taught() && !config.model.architecture.is_elmo() &&
         (built_with_cuda() || is_other_program);
}

// As the verb: what would end the job at its start is said now.
void check_before_submission(const LaunchVerbOptions& options, const RunConfig& config, int ranks) {
  check_ranks(config, ranks);
  if (options.action != LaunchAction::submit || options.check == LaunchCheck::no) return;
  CheckVerbOptions check{.request = options.request, .ranks = ranks};
  if (takes_gpus(config)) {
    check.request.overrides.push_back({"parallel.backend=cuda", 0, "slurm.gpus_per_node"});
  }
  try {
    run_check(check);
  } catch (const Error& refused) {
    throw Error(fmt::format("{}\n  nothing was submitted: that is what check says of this "
                            "configuration; --no-check submits it as it is",
                            refused.what()),
                refused.exit_code());
  }
}

void write_script(const fs::path& path, const std::string& text) {
  make_directories(path.parent_path());
  write_file_atomically(path, text);
  fs::permissions(path, fs::perms::owner_exec, fs::perm_options::add);
  fmt::print("{}\n", text);
  std::fflush(stdout);
}

int submit(const JobPlan& plan, const fs::path& script) {
  const CommandEnd sbatch =
      run_command({"sbatch", "--parsable", script.string()}, std::chrono::seconds(60));
  const std::string said = sbatch.output.substr(0, sbatch.output.find_last_not_of(" \n") + 1);
  if (sbatch.code != 0) {
    throw EnvironmentError(fmt::format("launch: sbatch refused {} (exit code {}): {}",
                                       script.string(), sbatch.code, said));
  }
  // The last line is the id, with ";cluster" behind it where there are several.
  const std::string last = said.substr(said.rfind('\n') + 1);
  const std::string id = last.substr(0, last.find(';'));
  const char* log = plan.slurm.array.empty() ? "" : "_*";
  fmt::print("job {}: output in {}/slurm-{}{}.out; squeue -j {}; scancel {}\n", id, plan.output, id,
             log, id, id);
  return static_cast<int>(ExitCode::ok);
}

int launch_in_slurm(const LaunchVerbOptions& options, const RunConfig& config,
                    const fs::path& run) {
  check_before_submission(options, config, config.slurm.ranks());
  const JobPlan plan = plan_of(options, config, run / "slurm");
  const fs::path script = run / "slurm" / "job.sbatch";
  write_script(script, slurm_script(plan));
  if (options.action == LaunchAction::submit) return submit(plan, script);
  fmt::print("wrote {}; submit it: sbatch {}\n", script.string(), shell_word(script.string()));
  return static_cast<int>(ExitCode::ok);
}

std::string advice_on_other_ranks(const RunConfig& config) {
  if (config.parallel.reduction == Reduction::ordered) {
    return "parallel.reduction is ordered: with other ranks the run ends with the same bits";
  }
  return "parallel.reduction is fast: with other ranks the numbers differ by rounding from those "
         "of "
         "an uninterrupted run; ordered would keep the bits";
}

// A text that is another one once the run has come further.
std::string progress_of(const fs::path& run) {
  std::error_code none;
  const auto log = fs::file_size(run / "loss.log", none);
  const auto newest = fs::read_symlink(run / "checkpoints" / "latest", none);
  return fmt::format("{} {}", none ? 0 : log, newest.string());
}

int launch_by_mpirun(const LaunchVerbOptions& options, const RunConfig& config,
                     const fs::path& run) {
  Supervision job;
  MpirunPlace place{.hostfile = "", .ranks = options.local};
  if (!options.hosts.empty()) {
    job.hosts = read_host_file(options.hosts);
    place = {fs::absolute(options.hosts).string(), slots_of(job.hosts)};
  }
  check_before_submission(options, config, place.ranks);
  const JobPlan plan = plan_of(options, config, run / "launch");
  const fs::path script = run / "launch" / "job.sh";
  write_script(script, mpirun_script(plan, place));
  if (options.action == LaunchAction::write) {
    fmt::print("wrote {}; run it: {} (or --submit)\n", script.string(),
               shell_word(script.string()));
    return static_cast<int>(ExitCode::ok);
  }
  job.command = {"bash", script.string()};
  job.host_file = run / "launch" / "hosts";
  job.ranks = place.ranks;
  job.restarts = config.launch.restarts;
  job.progress = [run] { return progress_of(run); };
  job.other_ranks_advice = advice_on_other_ranks(config);
  return supervise(job);
}

}  // namespace

int run_launch(const LaunchVerbOptions& options) {
  ConfigRequest request = options.request;
  request.use = ConfigUse::elsewhere;
  const LoadedConfig loaded = load_config(request);
  require_keys(loaded, {"tokenizer.vocab", "data.train"}, "launch");
  const RunConfig& config = loaded.config;
  check_places(options, config);
  const fs::path run = fs::absolute(fs::path(config.run.directory) / config.run.name);
  const bool is_slurm = options.hosts.empty() && options.local == 0;
  return is_slurm ? launch_in_slurm(options, config, run) : launch_by_mpirun(options, config, run);
}

}  // namespace bertyard
