// SPDX-License-Identifier: Apache-2.0
#include "launch/jobs/supervisor.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <future>
#include <iterator>
#include <sstream>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/standard_error.h"
#include "data/files/atomic_file.h"
#include "launch/jobs/child_process.h"

namespace bertyard {
namespace {

template <typename... Args>
void say(fmt::format_string<Args...> format, Args&&... args) {
  write_standard_error(
      fmt::format("{} launch: {}\n", utc_now(), fmt::format(format, std::forward<Args>(args)...)));
}

// The signals that are handed on, and SIGCHLD: blocked while this object lives, so that they wait
// until they are asked for. A hang-up that nohup made ignored stays so, for the ranks too.
class HeldSignals {
 public:
  HeldSignals() {
    sigemptyset(&set_);
    for (const int signal : {SIGUSR1, SIGUSR2, SIGTERM, SIGINT, SIGHUP, SIGCHLD}) {
      sigaddset(&set_, signal);
    }
    if (is_ignored(SIGHUP)) sigdelset(&set_, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set_, &former_);
  }
  ~HeldSignals() { pthread_sigmask(SIG_SETMASK, &former_, nullptr); }
  HeldSignals(const HeldSignals&) = delete;
  HeldSignals& operator=(const HeldSignals&) = delete;

  // The next signal, or 0 when `seconds` passed without one.
  int next(int seconds) const {
    const timespec limit{seconds, 0};
    const int signal = sigtimedwait(&set_, nullptr, &limit);
    return signal > 0 ? signal : 0;
  }

 private:
  sigset_t set_{};
  sigset_t former_{};
};

// The remote shell that mpirun uses, so that a host that answers it is one that mpirun can use.
std::vector<std::string> remote_shell() {
  const char* agent = std::getenv("OMPI_MCA_plm_rsh_agent");
  std::istringstream words(agent != nullptr ? agent : "ssh -o BatchMode=yes -o ConnectTimeout=5");
  return {std::istream_iterator<std::string>(words), {}};
}

bool answers(const std::string& host) {
  std::array<char, 256> own{};
  gethostname(own.data(), own.size() - 1);
  if (host == "localhost" || host == own.data()) return true;
  std::vector<std::string> command = remote_shell();
  command.push_back(host);
  command.emplace_back("true");
  try {
    return run_command(command, std::chrono::seconds(10)).code == 0;
  } catch (const EnvironmentError& error) {
    say("{}", error.what());
    return false;
  }
}

// Asked all at once: ten seconds for any number of them.
std::vector<HostSlots> hosts_that_answer(const std::vector<HostSlots>& hosts) {
  std::vector<std::future<bool>> asked;
  for (const HostSlots& entry : hosts) {
    asked.push_back(std::async(std::launch::async, answers, entry.host));
  }
  std::vector<HostSlots> alive;
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    if (asked[i].get()) alive.push_back(hosts[i]);
  }
  return alive;
}

// One job from its first start to its last.
class Supervisor {
 public:
  explicit Supervisor(const Supervision& job) : job_(job), hosts_(job.hosts) {}

  int run() {
    std::string before = job_.progress();
    for (int restart = 0;; ++restart) {
      const int code = start();
      const std::string after = job_.progress();
      const bool came_further = after != before;
      before = after;
      if (is_asked_ || !is_worth_restarting(code)) return code;
      if (!go_on(code, restart, came_further)) return code;
    }
  }

 private:
  // One start; returns its exit code.
  int start() {
    std::vector<std::string> command = job_.command;
    command.push_back(std::to_string(ranks()));
    if (!hosts_.empty()) {
      write_file_atomically(job_.host_file, host_file_text(hosts_));
      command.push_back(job_.host_file.string());
    }
    const pid_t child = start_command(command);
    for (;;) {
      const int signal = signals_.next(1);
      int status = 0;
      if (waitpid(child, &status, WNOHANG) == child) return exit_code_of_status(status);
      if (signal == 0 || signal == SIGCHLD) continue;
      is_asked_ = true;
      say("{} is handed on to the ranks", strsignal(signal));
      kill(child, signal);
    }
  }

  int ranks() const { return hosts_.empty() ? job_.ranks : std::min(job_.ranks, slots_of(hosts_)); }

  // After a lost rank or host: false, with the reason, when nothing is to be started again.
  bool go_on(int code, int restart, bool came_further) {
    say("the ranks ended with code {}{}", code, exit_code_meaning(code));
    if (restart >= job_.restarts) {
      if (job_.restarts > 0) {
        say("gave up after {} restarts; mend the cause and launch again: the run goes on from its "
            "newest checkpoint",
            job_.restarts);
      }
      return false;
    }
    find_hosts();
    if (!job_.hosts.empty() && hosts_.empty()) {
      say("gave up: none of the {} hosts answers '{}'", job_.hosts.size(),
          fmt::join(remote_shell(), " "));
      return false;
    }
    fruitless_ = came_further ? 0 : fruitless_ + 1;
    const int delay = restart_delay(fruitless_);
    say("starting again in {} s with {} ranks{} (restart {} of {})", delay, ranks(),
        hosts_.empty() ? "" : fmt::format(" on {} of {} hosts", hosts_.size(), job_.hosts.size()),
        restart + 1, job_.restarts);
    if (ranks() != job_.ranks) say("{}", job_.other_ranks_advice);
    return !is_stopped_within(delay);
  }

  void find_hosts() {
    if (job_.hosts.empty()) return;
    hosts_ = hosts_that_answer(job_.hosts);
    std::vector<std::string> silent;
    for (const HostSlots& entry : job_.hosts) {
      if (std::find(hosts_.begin(), hosts_.end(), entry) == hosts_.end()) {
        silent.push_back(entry.host);
      }
    }
    if (!silent.empty()) say("no answer from {}", fmt::join(silent, ", "));
  }

  // Waits; true when a signal asked to stop meanwhile.
  bool is_stopped_within(int seconds) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
    while (std::chrono::steady_clock::now() < end) {
      const int signal = signals_.next(1);
      if (signal == 0 || signal == SIGCHLD) continue;
      say("{}: nothing is started again", strsignal(signal));
      return true;
    }
    return false;
  }

  const Supervision& job_;
  HeldSignals signals_;
  std::vector<HostSlots> hosts_;
  bool is_asked_ = false;  // to stop
  int fruitless_ = 0;
};

}  // namespace

int supervise(const Supervision& job) {
  return Supervisor(job).run();
}

bool is_worth_restarting(int code) {
  switch (code) {
    case static_cast<int>(ExitCode::ok):
    case static_cast<int>(ExitCode::diverged):
    case static_cast<int>(ExitCode::requeue):
    case static_cast<int>(ExitCode::terminated):
    case static_cast<int>(ExitCode::data):
    case static_cast<int>(ExitCode::usage):
      return false;
    default:
      return true;
  }
}

int restart_delay(int fruitless) {
  constexpr int kLongest = 60;
  return fruitless < 6 ? 1 << fruitless : kLongest;
}

std::string exit_code_meaning(int code) {
  // Open MPI's: a daemon that was there is silent; one that was being reached by the remote shell.
  constexpr int kHostLost = 205, kShellFailed = 255;
  switch (code) {
    case kHostLost:
    case kShellFailed:
      return " (mpirun lost a host)";
    case static_cast<int>(ExitCode::watchdog):
      return " (a rank hung)";
    case static_cast<int>(ExitCode::environment):
      return " (device, MPI or library)";
    case static_cast<int>(ExitCode::input_output):
      return " (reading or writing failed)";
    default:
      break;
  }
  constexpr int kLastSignal = 31;
  if (code <= 128 || code > 128 + kLastSignal) return "";
  return fmt::format(" (a rank died: {})", strsignal(code - 128));
}

}  // namespace bertyard
