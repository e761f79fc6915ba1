// SPDX-License-Identifier: Apache-2.0
#include "parallel/stack_dump.h"

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <execinfo.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace bertyard {
namespace {

constexpr int kDepth = 48;
std::atomic<int> dump_descriptor{-1};
std::atomic<int> answered{0};

int dump_signal() {
  return SIGRTMIN + 4;
}

extern "C" void write_own_stack(int) {
  const int saved = errno;
  void* frames[kDepth];
  const int count = ::backtrace(frames, kDepth);
  ::backtrace_symbols_fd(frames, count, dump_descriptor.load());
  answered.fetch_add(1);
  errno = saved;
}

void write_text(int descriptor, const std::string& text) {
  if (::write(descriptor, text.data(), text.size()) < 0) return;
}

std::vector<pid_t> own_threads() {
  std::vector<pid_t> threads;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task", error)) {
    threads.push_back(std::atoi(entry.path().filename().c_str()));
  }
  return threads;
}

std::string thread_name(pid_t thread) {
  std::ifstream file(fmt::format("/proc/self/task/{}/comm", thread));
  std::string name;
  std::getline(file, name);
  return name;
}

bool wait_for_answer(int number) {
  for (int i = 0; i < 200; ++i) {
    if (answered.load() >= number) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

}  // namespace

void StackDump::prepare() {
  void* frame = nullptr;
  (void)::backtrace(&frame, 1);  // loads libgcc, which a handler must not do
  struct sigaction action {};
  action.sa_handler = write_own_stack;
  action.sa_flags = SA_RESTART | SA_ONSTACK;
  sigaction(dump_signal(), &action, nullptr);
}

void StackDump::write(const std::filesystem::path& path) noexcept {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor < 0) return;
  dump_descriptor = descriptor;
  const auto self = static_cast<pid_t>(::syscall(SYS_gettid));
  try {
    for (const pid_t thread : own_threads()) {
      if (thread == self) continue;
      write_text(descriptor, fmt::format("\nthread {} ({})\n", thread, thread_name(thread)));
      const int expected = answered.load() + 1;
      ::syscall(SYS_tgkill, ::getpid(), thread, dump_signal());
      if (!wait_for_answer(expected)) write_text(descriptor, "(no answer in 200 ms)\n");
    }
  } catch (const std::exception&) {
    // Without memory there is nothing to write.
  }
  // Left open: a thread that was late writes there still.
}

}  // namespace bertyard
