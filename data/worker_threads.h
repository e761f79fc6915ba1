// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>

namespace bertyard {

// Calls work(0) to work(threads - 1), each on a thread of its own (the last on the caller's), and
// waits for all. Then throws what the first of them to fail threw.
void run_threads(int threads, const std::function<void(int)>& work);

// Calls task(0) to task(count - 1), spread over threads as they come free; `thread` is 0 to
// threads - 1. After a failure no further task is begun, and the failure is thrown.
void run_tasks(int threads, std::size_t count,
               const std::function<void(int thread, std::size_t task)>& task);

}  // namespace bertyard
