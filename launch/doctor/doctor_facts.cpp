// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <set>
#include <string_view>

#include <fmt/format.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <nlohmann/json.hpp>
#include <sched.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "core/base/hash.h"
#include "data/files/json_dump.h"
#include "launch/doctor/doctor.h"
#include "launch/run/cpu_threads.h"
#include "parallel/agreement.h"

extern char** environ;

namespace bertyard {
namespace {

namespace fs = std::filesystem;

std::string hash_of_program() {
  std::ifstream file("/proc/self/exe", std::ios::binary);
  StreamingHash hash;
  std::vector<char> block(1 << 20);
  while (file) {
    file.read(block.data(), static_cast<std::streamsize>(block.size()));
    hash.update(std::string_view(block.data(), static_cast<std::size_t>(file.gcount())));
  }
  return hash_text(hash.digest());
}

std::vector<int> allowed_cores() {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  std::vector<int> cores;
  if (sched_getaffinity(0, sizeof mask, &mask) != 0) return cores;
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (CPU_ISSET(core, &mask)) cores.push_back(core);
  }
  return cores;
}

std::int64_t limit_of(int resource) {
  rlimit limit{};
  getrlimit(static_cast<__rlimit_resource_t>(resource), &limit);
  return limit.rlim_cur == RLIM_INFINITY ? -1 : static_cast<std::int64_t>(limit.rlim_cur);
}

std::vector<std::string> interfaces_up() {
  std::set<std::string> names;
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return {};
  for (const ifaddrs* at = list; at != nullptr; at = at->ifa_next) {
    if ((at->ifa_flags & IFF_UP) != 0 && (at->ifa_flags & IFF_RUNNING) != 0) {
      names.insert(at->ifa_name);
    }
  }
  freeifaddrs(list);
  return {names.begin(), names.end()};
}

// Variables that libraries obey, but not what mpirun tells its own ranks.
bool changes_libraries(std::string_view name) {
  constexpr std::string_view kOfMpirun[] = {
      "OMPI_MCA_ess",     "OMPI_MCA_orte_", "OMPI_MCA_pmix",       "OMPI_MCA_initial_wdir",
      "OMPI_MCA_shmem_R", "OMPI_MCA_mpi_o", "OMPI_MCA_opal_event", "OMPI_MCA_plm"};
  constexpr std::string_view kPrefixes[] = {"NCCL_",    "OMPI_MCA_", "OMP_",      "UCX_",
                                            "HDF5_",    "GOMP_",     "OPENBLAS_", "FI_PROVID",
                                            "CUDA_VIS", "CUDA_LAU",  "LD_PRELOAD"};
  const auto begins = [name](std::string_view prefix) { return name.starts_with(prefix); };
  return std::any_of(std::begin(kPrefixes), std::end(kPrefixes), begins) &&
         std::none_of(std::begin(kOfMpirun), std::end(kOfMpirun), begins);
}

bool tells_of_job(std::string_view name) {
  return name == "SLURM_JOB_ID" || name == "SLURM_JOB_NODELIST" || name == "SLURM_JOB_END_TIME";
}

std::map<std::string, std::string> own_variables(bool (*is_wanted)(std::string_view name)) {
  std::map<std::string, std::string> variables;
  for (char** at = environ; *at != nullptr; ++at) {
    const std::string_view text(*at);
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos || !is_wanted(text.substr(0, equals))) continue;
    variables.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return variables;
}

// A container may hold any of the host's: /dev/nvidia3 alone.
int gpu_files() {
  constexpr std::string_view kPrefix = "nvidia";
  int count = 0;
  std::error_code none;
  for (const fs::directory_entry& entry : fs::directory_iterator("/dev", none)) {
    const std::string name = entry.path().filename().string();
    const bool is_numbered =
        name.size() > kPrefix.size() && name.starts_with(kPrefix) &&
        name.find_first_not_of("0123456789", kPrefix.size()) == std::string::npos;
    if (is_numbered) ++count;
  }
  return count;
}

}  // namespace

RankFacts own_facts(int wanted_threads, int ranks_on_host) {
  RankFacts facts;
  std::array<char, 256> host{};
  gethostname(host.data(), host.size() - 1);
  facts.host = host.data();
  facts.pid = getpid();
  facts.program = hash_of_program();
  facts.mpi = mpi_library();
  const std::vector<int> cores = allowed_cores();
  facts.cores = rank_list(cores);
  facts.allowed_cores = static_cast<int>(cores.size());
  facts.online_cores = static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));
  facts.threads = cpu_threads(wanted_threads, ranks_on_host);
  facts.gpus = gpu_files();
  facts.locked_bytes = limit_of(RLIMIT_MEMLOCK);
  facts.open_files = limit_of(RLIMIT_NOFILE);
  struct statvfs shared {};
  if (statvfs("/dev/shm", &shared) == 0) {
    facts.shared_free = static_cast<std::int64_t>(shared.f_bavail * shared.f_frsize);
  }
  std::error_code none;
  facts.has_infiniband = fs::exists("/sys/class/infiniband", none);
  facts.variables = own_variables(changes_libraries);
  facts.job = own_variables(tells_of_job);
  facts.interfaces = interfaces_up();
  return facts;
}

std::string facts_text(const RankFacts& facts) {
  return dump_json(nlohmann::json{{"host", facts.host},
                                  {"pid", facts.pid},
                                  {"program", facts.program},
                                  {"configuration", facts.configuration},
                                  {"mpi", facts.mpi},
                                  {"cores", facts.cores},
                                  {"allowed_cores", facts.allowed_cores},
                                  {"online_cores", facts.online_cores},
                                  {"threads", facts.threads},
                                  {"gpus", facts.gpus},
                                  {"locked_bytes", facts.locked_bytes},
                                  {"open_files", facts.open_files},
                                  {"shared_free", facts.shared_free},
                                  {"has_infiniband", facts.has_infiniband},
                                  {"variables", facts.variables},
                                  {"job", facts.job},
                                  {"interfaces", facts.interfaces},
                                  {"clock", facts.clock}});
}

RankFacts parse_facts(const std::string& text) {
  const nlohmann::json json = nlohmann::json::parse(text);
  RankFacts facts;
  json.at("host").get_to(facts.host);
  json.at("pid").get_to(facts.pid);
  json.at("program").get_to(facts.program);
  json.at("configuration").get_to(facts.configuration);
  json.at("mpi").get_to(facts.mpi);
  json.at("cores").get_to(facts.cores);
  json.at("allowed_cores").get_to(facts.allowed_cores);
  json.at("online_cores").get_to(facts.online_cores);
  json.at("threads").get_to(facts.threads);
  json.at("gpus").get_to(facts.gpus);
  json.at("locked_bytes").get_to(facts.locked_bytes);
  json.at("open_files").get_to(facts.open_files);
  json.at("shared_free").get_to(facts.shared_free);
  json.at("has_infiniband").get_to(facts.has_infiniband);
  json.at("variables").get_to(facts.variables);
  json.at("job").get_to(facts.job);
  json.at("interfaces").get_to(facts.interfaces);
  json.at("clock").get_to(facts.clock);
  return facts;
}

}  // namespace bertyard
