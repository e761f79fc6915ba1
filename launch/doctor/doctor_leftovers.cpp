// SPDX-License-Identifier: Apache-2.0
// Variables that an allocation or a start that is over has left in a shell: a terminal opened
// inside a job, a script that keeps its environment.
#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>
#include <set>
#include <string_view>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include "launch/doctor/doctor.h"

namespace bertyard {
namespace {

using Grade = Finding::Grade;

// The words of a list that stand between commas outside brackets: "n[1,3],m2" has two.
std::vector<std::string_view> words_of(std::string_view list) {
  std::vector<std::string_view> words;
  int depth = 0;
  std::size_t start = 0;
  for (std::size_t i = 0; i <= list.size(); ++i) {
    if (i < list.size() && list[i] == '[') ++depth;
    if (i < list.size() && list[i] == ']') --depth;
    if (i < list.size() && (list[i] != ',' || depth > 0)) continue;
    words.push_back(list.substr(start, i - start));
    start = i + 1;
  }
  return words;
}

std::optional<long> number_of(std::string_view text) {
  long value = 0;
  const auto [rest, error] = std::from_chars(text.begin(), text.end(), value);
  if (error != std::errc() || rest != text.end()) return std::nullopt;
  return value;
}

// Whether `digits` is one of "1-3" or "007"; as many digits where there are leading zeros.
bool is_within(std::string_view range, std::string_view digits) {
  const std::string_view low = range.substr(0, range.find('-'));
  const std::string_view high = low == range ? low : range.substr(low.size() + 1);
  const auto from = number_of(low), to = number_of(high), value = number_of(digits);
  const bool fits_width = digits.size() == low.size() || (low[0] != '0' && digits[0] != '0');
  return from && to && value && fits_width && *from <= *value && *value <= *to;
}

// Whether the host is one of "gpu-n[08-12,20]-a".
bool names_host(std::string_view word, std::string_view host) {
  const std::size_t bracket = word.find('[');
  if (bracket == std::string_view::npos) return word == host;
  const std::size_t end = word.find(']', bracket);
  if (end == std::string_view::npos || !host.starts_with(word.substr(0, bracket))) return false;
  const std::string_view rest = host.substr(bracket);
  const std::string_view digits = rest.substr(0, rest.find_first_not_of("0123456789"));
  if (digits.empty()) return false;
  const auto ranges = words_of(word.substr(bracket + 1, end - bracket - 1));
  return std::any_of(ranges.begin(), ranges.end(),
                     [digits](std::string_view range) { return is_within(range, digits); }) &&
         names_host(word.substr(end + 1), rest.substr(digits.size()));
}

std::string value_of(const RankFacts& own, const std::string& name) {
  const auto found = own.job.find(name);
  return found == own.job.end() ? std::string() : found->second;
}

std::optional<Finding> judge_allocation(const RankFacts& own) {
  const std::string job = value_of(own, "SLURM_JOB_ID");
  const std::string hosts = value_of(own, "SLURM_JOB_NODELIST");
  const auto end = number_of(value_of(own, "SLURM_JOB_END_TIME"));
  std::string text;
  if (!job.empty() && !hosts.empty() && !is_host_of(hosts, own.host)) {
    text = fmt::format("{}: SLURM_JOB_ID is {}, but the hosts of that job are {}", own.host, job,
                       hosts);
  } else if (end && own.clock > static_cast<double>(*end)) {
    text = fmt::format("{}: SLURM_JOB_ID is {}, but the time of that job is over", own.host, job);
  }
  if (text.empty()) return std::nullopt;
  return Finding{Grade::warning, "leftovers", text,
                 "srun or mpirun inside the job; or, if it is over: unset ${!SLURM_*}"};
}

// Whether somebody listens at PMIx's "name;tcp4://127.0.0.1:35083". True where that is not known.
bool answers(std::string_view uri) {
  const std::size_t begin = uri.find("tcp4://"), colon = uri.rfind(':');
  if (begin == std::string_view::npos || colon < begin + 7) return true;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  const std::string host(uri.substr(begin + 7, colon - begin - 7));
  const auto port = number_of(uri.substr(colon + 1));
  if (!port || inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) return true;
  address.sin_port = htons(static_cast<std::uint16_t>(*port));
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return true;
  const bool is_open =
      ::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ::close(descriptor);
  return is_open;
}

// A directory may be out of sight, in a container; together with a server that is gone it is over.
std::optional<Finding> judge_server(const EnvironmentLookup& lookup) {
  const char* directory = lookup("PMIX_SERVER_TMPDIR");
  const char* server = lookup("PMIX_SERVER_URI2");
  std::error_code none;
  if (directory == nullptr || server == nullptr || std::filesystem::exists(directory, none) ||
      answers(server)) {
    return std::nullopt;
  }
  return Finding{
      Grade::failure, "leftovers",
      fmt::format("OMPI_COMM_WORLD_* and PMIX_* are of a start that is over: nobody answers at {}, "
                  "and {} is gone",
                  server, directory),
      "a new shell, or: unset ${!OMPI_COMM_WORLD_*} ${!OMPI_MCA_ess*} ${!OMPI_MCA_orte_*} "
      "${!PMIX_*}"};
}

}  // namespace

bool is_host_of(const std::string& list, const std::string& host) {
  const std::string short_host = host.substr(0, host.find('.'));
  const auto words = words_of(list);
  return std::any_of(words.begin(), words.end(), [&](std::string_view word) {
    return names_host(word, host) || names_host(word, short_host);
  });
}

Findings judge_leftovers(const std::vector<RankFacts>& facts) {
  Findings findings;
  std::set<std::string> hosts;
  for (const RankFacts& own : facts) {
    if (!hosts.insert(own.host).second) continue;
    if (const auto finding = judge_allocation(own)) findings.push_back(*finding);
  }
  if (!findings.empty()) return findings;
  return {{Grade::ok, "leftovers", "no variables of an allocation that is not this one's", ""}};
}

Findings judge_start(const EnvironmentLookup& lookup, const RankFacts& own) {
  if (const auto finding = judge_server(lookup)) return {*finding};
  const Launcher launcher = find_launcher(lookup);
  if (launcher.kind != LauncherKind::none || launcher.slurm_tasks <= 1) return {};
  Findings findings{
      {Grade::failure, "MPI",
       fmt::format("1 rank, but SLURM_NTASKS is {}: srun was not used, or without its "
                   "PMIx plugin",
                   launcher.slurm_tasks),
       "srun --mpi=pmix bertyard doctor; in a shell that kept it after the job: unset "
       "${!SLURM_*}"}};
  if (const auto finding = judge_allocation(own)) findings.push_back(*finding);
  return findings;
}

}  // namespace bertyard
