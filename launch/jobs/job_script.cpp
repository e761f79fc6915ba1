// SPDX-License-Identifier: Apache-2.0
#include "launch/jobs/job_script.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/error.h"
#include "launch/jobs/launch_templates.h"
#include "launch/jobs/shell_words.h"

namespace bertyard {
namespace {

constexpr char kTaskId[] = "\"$SLURM_ARRAY_TASK_ID\"";

void check_lines(const JobPlan& plan) {
  require_one_line("the name of the configuration", plan.config);
  require_one_line("the working directory", plan.directory);
  require_one_line("the run directory", plan.output);
  require_one_line("run.name", plan.run_name);
  for (const std::string& word : plan.program) require_one_line("the program's name", word);
  for (const std::string& word : plan.arguments) require_one_line("an argument", word);
}

// The lines of sbatch, one option each.
class SbatchLines {
 public:
  void add(const std::string& option) { text_ += "#SBATCH " + option + "\n"; }
  void add(const char* name, const std::string& value) {
    if (!value.empty()) add(fmt::format("--{}={}", name, sbatch_word(value)));
  }
  void add(const char* name, int value) {
    if (value > 0) add(fmt::format("--{}={}", name, value));
  }
  // Without the last line break.
  std::string text() const { return text_.substr(0, text_.size() - 1); }

 private:
  std::string text_;
};

std::string sbatch_lines(const JobPlan& plan) {
  const SlurmSection& slurm = plan.slurm;
  SbatchLines lines;
  lines.add("job-name", plan.run_name);
  lines.add("nodes", slurm.nodes);
  lines.add("ntasks-per-node", slurm.ranks_on_node());
  lines.add("gpus-per-node", slurm.gpus_per_node);
  lines.add("cpus-per-task", slurm.cpus_per_task);
  lines.add("time", slurm.time);
  lines.add("partition", slurm.partition);
  lines.add("account", slurm.account);
  lines.add("qos", slurm.qos);
  lines.add("constraint", slurm.constraint);
  lines.add("array", slurm.array);
  lines.add(fmt::format("--signal=B:{}@{:.0f}", slurm.signal, slurm.signal_before));
  lines.add(slurm.requeue ? "--requeue" : "--no-requeue");
  lines.add("--open-mode=append");
  lines.add("--output=" +
            sbatch_path(plan.output, slurm.array.empty() ? "/slurm-%j.out" : "/slurm-%A_%a.out"));
  for (const std::string& option : slurm.options) lines.add(option);
  return lines.text();
}

// The lines before the ranks start.
std::string setup_lines(const JobPlan& plan, bool is_mpirun) {
  std::vector<std::string> lines;
  if (!plan.slurm.modules.empty())
    lines.push_back("module load " + shell_words(plan.slurm.modules));
  if (plan.slurm.gpus_per_node > 0) lines.emplace_back("export NCCL_DEBUG=WARN");
  if (is_mpirun) {
    const HostProbes probes = probes_of(plan.launch.lost_after);
    lines.push_back(
        fmt::format("export OMPI_MCA_oob_tcp_keepalive_time={} OMPI_MCA_oob_tcp_keepalive_intvl={} "
                    "OMPI_MCA_oob_tcp_keepalive_probes={}",
                    probes.idle, probes.interval, probes.probes));
    if (plan.is_root) {
      lines.emplace_back("export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1");
    }
  }
  lines.insert(lines.end(), plan.launch.setup.begin(), plan.launch.setup.end());
  return fmt::format("{}", fmt::join(lines, "\n"));
}

// The program's words, in the container where there is one. Each task of an array has its own run.
std::string program_words(const JobPlan& plan) {
  std::string words = plan.slurm.container.empty() ? "" : plan.slurm.container + " ";
  words += shell_words(plan.program) + " " + shell_words(plan.arguments);
  if (plan.slurm.array.empty()) return words;
  words += " " + shell_word("run.name=" + plan.run_name + "-") + kTaskId;
  if (!plan.slurm.vary.empty()) words += " " + shell_word(plan.slurm.vary + "=") + kTaskId;
  return words;
}

// The run's STATUS, of each task of an array its own.
std::string status_word(const JobPlan& plan) {
  if (plan.slurm.array.empty()) return shell_word(plan.run + "/STATUS");
  return shell_word(plan.run + "-") + kTaskId + "/STATUS";
}

// Threads follow the cores that a rank is given, unless the user said so otherwise.
std::string threads_word(const JobPlan& plan) {
  const int cores = plan.slurm.cpus_per_task;
  const bool is_said =
      std::any_of(plan.arguments.begin(), plan.arguments.end(),
                  [](const std::string& word) { return word.starts_with("parallel.threads="); });
  return cores > 0 && !is_said ? fmt::format(" parallel.threads={}", cores) : "";
}

std::string srun_words(const JobPlan& plan) {
  const SlurmSection& slurm = plan.slurm;
  std::string cores;
  if (slurm.cpus_per_task > 0) {  // srun does not take it over from sbatch
    cores = fmt::format(" --cpus-per-task={} --cpu-bind=cores", slurm.cpus_per_task);
  }
  return fmt::format("srun --mpi=pmix --nodes={} --ntasks={}{} --kill-on-bad-exit=1", slurm.nodes,
                     slurm.ranks(), cores);
}

std::string mpirun_words(const JobPlan& plan) {
  const SlurmSection& slurm = plan.slurm;
  const std::string place = fmt::format("--map-by ppr:{}:node", slurm.ranks_on_node());
  const std::string binding = slurm.cpus_per_task > 0
                                  ? fmt::format(":PE={} --bind-to core", slurm.cpus_per_task)
                                  : " --bind-to none";
  return fmt::format("mpirun -n {} {}{}", slurm.ranks(), place, binding);
}

}  // namespace

HostProbes probes_of(double lost_after) {
  HostProbes probes;
  probes.probes = lost_after < 30 ? 3 : 6;
  probes.interval = std::max(1, static_cast<int>(std::lround(lost_after / 3 / probes.probes)));
  probes.idle =
      std::max(1, static_cast<int>(std::lround(lost_after)) - probes.interval * probes.probes);
  return probes;
}

std::string slurm_script(const JobPlan& plan) {
  check_lines(plan);
  const bool is_mpirun = plan.launch.by == StartedBy::mpirun;
  return fill_template(
      slurm_template(),
      {{"CONFIG", plan.config},
       {"SBATCH", sbatch_lines(plan)},
       {"DIRECTORY", shell_word(plan.directory)},
       {"SETUP", setup_lines(plan, is_mpirun)},
       {"SIGNAL", plan.slurm.signal},
       {"REQUEUE", plan.slurm.requeue ? "yes" : "no"},
       // On a host that is back srun cannot launch a requeued job's first step, only its second.
       {"RESTARTS", std::to_string(std::max(1, plan.launch.restarts))},
       {"STATUS", status_word(plan)},
       {"RANKS", fmt::format("  {} \\\n    {}{}", is_mpirun ? mpirun_words(plan) : srun_words(plan),
                             program_words(plan), threads_word(plan))}});
}

std::string mpirun_script(const JobPlan& plan, const MpirunPlace& place) {
  check_lines(plan);
  require_one_line("the host file's name", place.hostfile);
  const bool is_here = place.hostfile.empty();
  const std::string hosts =
      "hosts=${2:-}\nif [ -z \"$hosts\" ]; then hosts=" + shell_word(place.hostfile) + "; fi";
  return fill_template(mpirun_template(),
                       {{"CONFIG", plan.config},
                        {"SCRIPT", "job.sh"},
                        {"DIRECTORY", shell_word(plan.directory)},
                        {"SETUP", setup_lines(plan, true)},
                        {"RANKS", std::to_string(place.ranks)},
                        {"HOSTS", is_here ? "" : hosts},
                        {"WHERE", is_here ? "--oversubscribe" : "--hostfile \"$hosts\""},
                        {"PROGRAM", program_words(plan) + threads_word(plan)}});
}

}  // namespace bertyard
