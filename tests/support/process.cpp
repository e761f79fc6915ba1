// SPDX-License-Identifier: Apache-2.0
#include "tests/support/process.h"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace bertyard::testing {
namespace {

namespace fs = std::filesystem;

std::string contents(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (std::string& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

std::vector<std::string> whole_environment(const std::vector<std::string>& added) {
  std::vector<std::string> all = added;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const std::string name = text.substr(0, text.find('=') + 1);
    const auto replaces = [&](const std::string& other) { return other.starts_with(name); };
    if (std::none_of(added.begin(), added.end(), replaces)) all.push_back(text);
  }
  return all;
}

void send_to_file(const fs::path& path, int descriptor) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666);
  if (file < 0 || ::dup2(file, descriptor) < 0) ::_exit(127);
  ::close(file);
}

// The parent of a process, from the fourth field of /proc/PID/stat; the second, in brackets, may
// hold anything.
pid_t parent_of(pid_t id) {
  const std::string stat = contents("/proc/" + std::to_string(id) + "/stat");
  const std::size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos || stat.size() < name_end + 5) return -1;
  return static_cast<pid_t>(std::stol(stat.substr(name_end + 4)));
}

}  // namespace

Process::Process(std::vector<std::string> command, Options options) : options_(std::move(options)) {
  static std::atomic<int> count{0};
  name_ = "process-" + std::to_string(count++);
  std::vector<std::string> environment = whole_environment(options_.environment);
  const std::vector<char*> arguments = pointers(command), variables = pointers(environment);
  id_ = ::fork();
  if (id_ < 0) throw std::runtime_error("fork");
  if (id_ > 0) return;
  if (::chdir(options_.directory.c_str()) != 0) ::_exit(127);
  send_to_file(name_ + ".out", STDOUT_FILENO);
  send_to_file(name_ + ".err", STDERR_FILENO);
  if (options_.file_bytes) {
    const rlimit limit{*options_.file_bytes, *options_.file_bytes};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ::execvpe(arguments.front(), arguments.data(), variables.data());
  ::_exit(127);
}

Process::Process(Process&& other) noexcept
    : options_(std::move(other.options_)),
      id_(std::exchange(other.id_, -1)),
      status_(other.status_),
      name_(std::move(other.name_)) {}

Process::~Process() {
  if (id_ <= 0 || status_) return;
  ::kill(id_, SIGKILL);
  int status = 0;
  ::waitpid(id_, &status, 0);
}

void Process::signal(int number) const {
  if (!status_) ::kill(id_, number);
}

bool Process::poll() {
  int status = 0;
  if (!status_ && ::waitpid(id_, &status, WNOHANG) == id_) {
    status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  return status_.has_value();
}

bool Process::running() {
  return !poll();
}

Ended Process::wait(std::chrono::seconds limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!poll()) {
    if (std::chrono::steady_clock::now() > end) {
      signal(SIGKILL);
      int status = 0;
      ::waitpid(id_, &status, 0);
      status_ = -1;
      break;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return {*status_, contents(options_.directory / (name_ + ".out")),
          contents(options_.directory / (name_ + ".err"))};
}

std::vector<pid_t> processes_naming(const std::string& text) {
  std::vector<pid_t> found;
  for (const fs::directory_entry& entry : fs::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    const auto id = static_cast<pid_t>(std::stol(name));
    if (id == ::getpid()) continue;
    if (contents(entry.path() / "cmdline").find(text) != std::string::npos) found.push_back(id);
  }
  return found;
}

std::vector<pid_t> children_naming(pid_t parent, const std::string& text) {
  std::vector<pid_t> found = processes_naming(text);
  std::erase_if(found, [parent](pid_t id) { return parent_of(id) != parent; });
  return found;
}

}  // namespace bertyard::testing
