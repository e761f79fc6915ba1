// SPDX-License-Identifier: Apache-2.0
#include "data/files/mapping_guard.h"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <mutex>
#include <utility>

#include <sys/mman.h>
#include <unistd.h>

namespace bertyard {

// One guarded mapping. Entries are used again and never freed, for the handler may be looking.
struct MappingGuard::Entry {
  std::atomic<bool> used{false};
  std::atomic<std::uintptr_t> begin{0};
  std::atomic<std::uintptr_t> end{0};
  std::atomic<bool> lost{false};
  Entry* next = nullptr;
};

namespace {

// A signal handler takes no argument of ours: what it needs is here.
std::atomic<MappingGuard::Entry*> g_entries{nullptr};
struct sigaction g_previous;
std::uintptr_t g_page_bytes = 4096;

// Only what may be called in a signal handler: mmap is a bare system call on Linux.
bool mend(std::byte* touched) {
  const auto address = reinterpret_cast<std::uintptr_t>(touched);
  for (auto* entry = g_entries.load(); entry != nullptr; entry = entry->next) {
    if (address < entry->begin.load() || address >= entry->end.load()) continue;
    std::byte* page = touched - address % g_page_bytes;
    if (::mmap(page, g_page_bytes, PROT_READ, MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS, -1, 0) ==
        MAP_FAILED) {
      return false;
    }
    entry->lost.store(true);
    return true;
  }
  return false;
}

void on_bus_error(int signal, siginfo_t* info, void* context) {
  const int saved = errno;
  const bool mended = mend(static_cast<std::byte*>(info->si_addr));
  errno = saved;
  if (mended) return;
  if ((g_previous.sa_flags & SA_SIGINFO) != 0 && g_previous.sa_sigaction != nullptr) {
    return g_previous.sa_sigaction(signal, info, context);
  }
  // Back as it was; the access that failed is tried again and meets the old answer.
  ::sigaction(SIGBUS, &g_previous, nullptr);
}

void install_handler() {
  g_page_bytes = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  struct sigaction action {};
  action.sa_sigaction = on_bus_error;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  ::sigaction(SIGBUS, &action, &g_previous);
}

MappingGuard::Entry* claim_entry() {
  for (auto* entry = g_entries.load(); entry != nullptr; entry = entry->next) {
    bool expected = false;
    if (entry->used.compare_exchange_strong(expected, true)) return entry;
  }
  auto* entry = new MappingGuard::Entry;
  entry->used.store(true);
  entry->next = g_entries.load();
  while (!g_entries.compare_exchange_weak(entry->next, entry)) {
  }
  return entry;
}

}  // namespace

MappingGuard::MappingGuard(std::span<const std::byte> mapping) {
  static std::once_flag installed;
  std::call_once(installed, install_handler);
  entry_ = claim_entry();
  const auto begin = reinterpret_cast<std::uintptr_t>(mapping.data());
  entry_->lost.store(false);
  entry_->end.store(begin + mapping.size());
  entry_->begin.store(begin);
}

MappingGuard::~MappingGuard() {
  if (entry_ == nullptr) return;
  entry_->end.store(0);
  entry_->used.store(false);
}

MappingGuard::MappingGuard(MappingGuard&& other) noexcept
    : entry_(std::exchange(other.entry_, nullptr)) {}

MappingGuard& MappingGuard::operator=(MappingGuard&& other) noexcept {
  std::swap(entry_, other.entry_);
  return *this;
}

bool MappingGuard::lost() const {
  return entry_ != nullptr && entry_->lost.load(std::memory_order_relaxed);
}

}  // namespace bertyard
