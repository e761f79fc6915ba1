// SPDX-License-Identifier: Apache-2.0
#include "launch/verbs/verb_doctor.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <optional>

#include <fmt/format.h>

#include "core/backend/built_with.h"
#include "core/base/error.h"
#include "core/base/hash.h"
#include "core/base/standard_error.h"
#include "launch/doctor/doctor.h"
#include "launch/run/deadline.h"
#include "launch/verbs/build_info.h"

namespace bertyard {
namespace {

using Clock = std::chrono::steady_clock;
using Grade = Finding::Grade;

std::string built_with(const std::string& name) {
  for (const BuildRow& row : build_table()) {
    if (row.name == name) return row.value;
  }
  return "absent";
}

double seconds_since_1970() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

void print_report(const Findings& findings, const std::map<std::string, std::string>& about,
                  OutputForm form) {
  if (form == OutputForm::json) {
    fmt::print("{}", findings_json(findings, about));
  } else {
    fmt::print("bertyard {} (cuda {}, nccl {}, mpi {}, hdf5 {})\n{}", version_text(),
               built_with("CUDA"), built_with("NCCL"), built_with("MPI"), built_with("HDF5"),
               findings_text(findings));
  }
  std::fflush(stdout);
}

std::map<std::string, std::string> about(std::size_t ranks) {
  return {{"version", fmt::format("{} ({})", version_text(), git_revision())},
          {"ranks", std::to_string(ranks)}};
}

// What one look at the ranks is made of.
class Doctor {
 public:
  Doctor(const DoctorVerbOptions& options, MpiEnvironment& environment)
      : options_(options),
        environment_(environment),
        deadline_(std::chrono::duration<double>(options.seconds),
                  [this](const std::string& stage) { end_hung(stage); }) {}

  int run() {
    deadline_.begin("start-up");
    ProcessGroup group = environment_.make_process_group();
    group.control->set_time_limit(ControlPlane::Seconds(options_.seconds));
    const StorageTest storage = read_configuration();
    deadline_.begin("facts");
    const std::vector<RankFacts> facts = gather(group);
    if (group.rank() == 0) judge(facts);
    deadline_.begin("network");
    add(test_network(group), group);
    deadline_.begin("UDP");
    add(test_heartbeats(group, std::chrono::duration<double>(options_.seconds / 2)), group);
    deadline_.begin("storage");
    add(test_storage(storage, group), group);
    deadline_.begin("report");
    const bool is_ill = count_of(findings_, Grade::failure) > 0;
    const auto failed = group.control->agree_max("doctor: verdict", is_ill ? 1 : 0);
    if (group.rank() == 0) print_report(findings_, about_, options_.form);
    return static_cast<int>(failed != 0 ? ExitCode::environment : ExitCode::ok);
  }

 private:
  StorageTest read_configuration() {
    StorageTest storage{.directory = ".", .needed_bytes = 0};
    if (options_.request.path.empty()) return storage;
    const LoadedConfig loaded = load_config(options_.request);
    const RunConfig& config = loaded.config;
    configuration_ = hash_text(xxh3(resolved_yaml(config)));
    threads_ = config.parallel.threads;
    build_.wants_cpu = config.parallel.backend == BackendChoice::cpu;
    storage.directory = config.run.directory;
    ModelConfig model = config.model.architecture;
    model.vocab_size = config.tokenizer.learn.size;
    // Weights and two moments in fp32, of the checkpoints that are kept and the one being written.
    storage.needed_bytes = 12.0 * static_cast<double>(model.parameter_count()) *
                           (config.checkpoint.keep_last + config.checkpoint.keep_best + 1);
    return storage;
  }

  std::vector<RankFacts> gather(ProcessGroup& group) {
    RankFacts own = own_facts(threads_, group.local_size);
    own.configuration = configuration_;
    const Clock::time_point start = Clock::now();
    group.control->agree_max("doctor: clocks", 0);
    own.clock = seconds_since_1970();
    barrier_seconds_ = std::chrono::duration<double>(Clock::now() - start).count();
    std::vector<RankFacts> facts;
    for (const std::string& text :
         group.control->all_gather_strings("doctor: facts", facts_text(own))) {
      facts.push_back(parse_facts(text));
    }
    return facts;
  }

  void judge(const std::vector<RankFacts>& facts) {
    about_ = about(facts.size());
    findings_ = judge_ranks(facts, own_launcher());
    build_.has_cuda = built_with_cuda();
    build_.text = fmt::format("CUDA {}, NCCL {}", built_with("CUDA"), built_with("NCCL"));
    for (const Findings& more :
         {judge_devices(facts, build_), judge_hosts(facts), judge_variables(facts),
          judge_leftovers(facts), judge_clocks(facts, barrier_seconds_)}) {
      findings_.insert(findings_.end(), more.begin(), more.end());
    }
  }

  void add(const Findings& found, const ProcessGroup& group) {
    if (group.rank() != 0) return;
    findings_.insert(findings_.end(), found.begin(), found.end());
  }

  // On the deadline's thread, while the other is stuck.
  [[noreturn]] void end_hung(const std::string& stage) {
    write_standard_error(fmt::format(
        "[FAIL] {:<9} rank {} on {} hangs in it for {:g} s\n{:17}fix: look at that host and "
        "the network or file system that the check uses\n",
        stage, environment_.rank(), environment_.host(), options_.seconds, ""));
    std::fflush(nullptr);
    environment_.abort(static_cast<int>(ExitCode::environment));
    std::_Exit(static_cast<int>(ExitCode::environment));
  }

  const DoctorVerbOptions& options_;
  MpiEnvironment& environment_;
  std::string configuration_;
  int threads_ = 0;
  DeviceBuild build_;
  double barrier_seconds_ = 0;
  Findings findings_;
  std::map<std::string, std::string> about_;
  Deadline deadline_;
};

}  // namespace

int run_doctor(const DoctorVerbOptions& options,
               const std::function<MpiEnvironment&(const StartOptions&)>& start) {
  RankFacts own = own_facts(0, 1);
  own.clock = seconds_since_1970();
  const Findings start_findings =
      judge_start([](const char* name) -> const char* { return std::getenv(name); }, own);
  if (!start_findings.empty()) {
    if (own_launcher().rank == 0) print_report(start_findings, about(1), options.form);
    return static_cast<int>(ExitCode::environment);
  }
  MpiEnvironment& environment = start({options.command, options.seconds, "."});
  return Doctor(options, environment).run();
}

}  // namespace bertyard
