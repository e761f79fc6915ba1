// SPDX-License-Identifier: Apache-2.0
#include "data/worker_threads.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace bertyard {

void run_threads(int threads, const std::function<void(int)>& work) {
  std::exception_ptr failure;
  std::mutex failing;
  const auto guarded = [&](int thread) {
    try {
      work(thread);
    } catch (...) {
      const std::lock_guard lock(failing);
      if (!failure) failure = std::current_exception();
    }
  };
  {
    std::vector<std::jthread> others;
    for (int i = 0; i + 1 < threads; ++i) others.emplace_back(guarded, i);
    guarded(std::max(threads, 1) - 1);
  }
  if (failure) std::rethrow_exception(failure);
}

void run_tasks(int threads, std::size_t count,
               const std::function<void(int thread, std::size_t task)>& task) {
  std::atomic<std::size_t> next = 0;
  const auto useful = static_cast<int>(std::min<std::size_t>(
      static_cast<std::size_t>(std::max(threads, 1)), std::max<std::size_t>(count, 1)));
  run_threads(useful, [&](int thread) {
    try {
      for (std::size_t i = next++; i < count; i = next++) task(thread, i);
    } catch (...) {
      next = count;
      throw;
    }
  });
}

}  // namespace bertyard
