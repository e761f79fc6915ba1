// SPDX-License-Identifier: Apache-2.0
#include "tests/support/cuda_emulation/engine.h"

#include <array>
#include <cstring>
#include <exception>
#include <map>
#include <mutex>
#include <vector>

#include <fmt/format.h>
#include <sys/mman.h>

#include "core/base/error.h"
#include "tests/support/cuda_emulation/device_memory.h"
#include "tests/support/cuda_emulation/fiber.h"
#include "tests/support/cuda_emulation/shared_memory.h"

namespace bertyard::emulation {
namespace {

constexpr unsigned kWarp = 32;
constexpr std::size_t kStackBytes = std::size_t{128} << 10;

enum class State { ready, at_block_barrier, at_warp_step, returned };

struct Copy {
  void* to;
  const void* from;
  std::size_t bytes, zero_bytes;
};

struct Thread {
  Fiber* fiber = nullptr;
  Index3 index;
  unsigned number = 0;
  State state = State::ready;
  const char* operation = "";
  std::uint32_t mask = 0;
  WarpStep step = nullptr;
  void* data = nullptr;
  std::vector<Copy> copies;
  std::vector<std::size_t> group_ends;  // in copies, of the groups closed
};

// Stacks are kept from one launch to the next; the system gives their pages at first touch.
struct FiberPool {
  std::vector<Fiber*> fibers;

  Fiber* get(std::size_t number) {
    while (fibers.size() <= number) {
      void* stack = mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
      BERTYARD_CHECK(stack != MAP_FAILED, "emulated CUDA: no memory for the stack of a thread");
      fibers.push_back(make_fiber(static_cast<std::byte*>(stack), kStackBytes));
    }
    return fibers[number];
  }
};

struct Grid {
  const KernelCall& call;
  SharedMemory shared;
  Index3 block;
  std::vector<Thread> threads;
  Thread* current = nullptr;
  std::size_t at_barrier = 0;
  std::size_t returned = 0;
  std::exception_ptr failure;
};

std::mutex launch_mutex;
Grid* running = nullptr;
FiberPool pool;
ThreadOrder thread_order = ThreadOrder::forward;

std::string text_of(const Index3& index) {
  return fmt::format("({}, {}, {})", index.x, index.y, index.z);
}

std::string place() {
  return fmt::format("emulated CUDA: kernel {}, block {}", running->call.name,
                     text_of(running->block));
}

std::size_t volume(const Index3& extent) {
  return std::size_t{extent.x} * extent.y * extent.z;
}

Index3 index_of(std::size_t number, const Index3& extent) {
  return {static_cast<unsigned>(number % extent.x),
          static_cast<unsigned>(number / extent.x % extent.y),
          static_cast<unsigned>(number / extent.x / extent.y)};
}

std::size_t in_order(std::size_t number, std::size_t count) {
  return thread_order == ThreadOrder::forward ? number : count - 1 - number;
}

void thread_entry(void* argument) {
  auto* thread = static_cast<Thread*>(argument);
  try {
    running->call.body();
  } catch (...) {
    running->failure = std::current_exception();
  }
  thread->state = State::returned;
  ++running->returned;
  yield(thread->fiber);
}

// "97 threads wait at __syncthreads, 31 have returned; thread (97, 0, 0) waits at a shuffle".
[[noreturn]] void throw_stuck() {
  std::map<std::string, std::size_t> groups;
  for (const Thread& thread : running->threads) {
    const bool returned = thread.state == State::returned;
    ++groups[returned ? "have returned" : fmt::format("wait at {}", thread.operation)];
  }
  std::string text;
  for (const auto& [what, count] : groups) {
    text += fmt::format("{}{} threads {}", text.empty() ? "" : ", ", count, what);
  }
  throw Error(fmt::format("{}: divergent barrier: {}", place(), text));
}

void run_block() {
  Grid& grid = *running;
  grid.shared.poison();
  grid.at_barrier = grid.returned = 0;
  for (Thread& thread : grid.threads) {
    thread.state = State::ready;
    thread.copies.clear();
    thread.group_ends.clear();
    start_over(thread.fiber, thread_entry, &thread);
  }
  while (grid.returned < grid.threads.size()) {
    bool progress = false;
    for (std::size_t n = 0; n < grid.threads.size(); ++n) {
      Thread& thread = grid.threads[in_order(n, grid.threads.size())];
      if (thread.state != State::ready) continue;
      progress = true;
      grid.current = &thread;
      resume(thread.fiber);
      if (grid.failure) std::rethrow_exception(grid.failure);
    }
    if (!progress) throw_stuck();
  }
  if (!grid.shared.guards_intact()) {
    throw Error(fmt::format("{}: dynamic shared memory written outside of its {} bytes", place(),
                            grid.call.shared_bytes));
  }
}

// The limits of compute capability 9.0.
void check_shape(const KernelCall& call) {
  const std::size_t threads = volume(call.block);
  const bool fits = threads >= 1 && threads <= 1024 && call.block.z <= 64 && call.grid.x >= 1 &&
                    call.grid.x <= 0x7FFFFFFFu && call.grid.y >= 1 && call.grid.y <= 65535 &&
                    call.grid.z >= 1 && call.grid.z <= 65535 && call.shared_bytes <= 232448;
  if (fits) return;
  throw Error(
      fmt::format("emulated CUDA: kernel {}: invalid configuration: grid {}, block {}, {} "
                  "bytes of shared memory",
                  call.name, text_of(call.grid), text_of(call.block), call.shared_bytes));
}

void add_threads(Grid& grid) {
  const std::size_t count = volume(grid.call.block);
  grid.threads.resize(count);
  for (std::size_t n = 0; n < count; ++n) {
    grid.threads[n].fiber = pool.get(n);
    grid.threads[n].index = index_of(n, grid.call.block);
    grid.threads[n].number = static_cast<unsigned>(n);
  }
}

}  // namespace

void run_grid(const KernelCall& call) {
  check_shape(call);
  const std::lock_guard lock(launch_mutex);
  Grid grid{.call = call,
            .shared = SharedMemory(call.shared_bytes),
            .block = {},
            .threads = {},
            .failure = {}};
  add_threads(grid);
  struct Running {
    explicit Running(Grid* g) { running = g; }
    ~Running() { running = nullptr; }
  } const guard(&grid);
  const std::size_t blocks = volume(call.grid);
  for (std::size_t n = 0; n < blocks; ++n) {
    grid.block = index_of(in_order(n, blocks), call.grid);
    run_block();
  }
  const std::string damage = damaged_memory();
  if (!damage.empty()) {
    throw Error(fmt::format("emulated CUDA: kernel {}: {}", call.name, damage));
  }
}

void set_thread_order(ThreadOrder order) {
  const std::lock_guard lock(launch_mutex);
  thread_order = order;
}

const Index3& thread_index() {
  return running->current->index;
}
const Index3& block_index() {
  return running->block;
}
const Index3& block_shape() {
  return running->call.block;
}
const Index3& grid_shape() {
  return running->call.grid;
}
unsigned lane() {
  return running->current->number % kWarp;
}

void fail(const std::string& what) {
  throw Error(fmt::format("{}, thread {}: {}", place(), text_of(thread_index()), what));
}

void wait_for_block(const char* operation) {
  Thread& self = *running->current;
  if (++running->at_barrier == running->threads.size()) {
    running->at_barrier = 0;
    for (Thread& thread : running->threads) thread.state = State::ready;
    return;
  }
  self.operation = operation;
  self.state = State::at_block_barrier;
  yield(self.fiber);
}

void meet_warp(const char* operation, std::uint32_t mask, void* data, WarpStep step) {
  Thread& self = *running->current;
  const unsigned first = self.number / kWarp * kWarp;
  if ((mask >> (self.number - first) & 1) == 0) {
    fail(fmt::format("{} with mask {:#x}, which lacks lane {}", operation, mask,
                     self.number - first));
  }
  self.operation = operation;
  self.mask = mask;
  self.step = step;
  self.data = data;
  self.state = State::at_warp_step;
  std::array<void*, kWarp> lanes{};
  bool complete = true;
  for (unsigned other = 0; other < kWarp; ++other) {
    if ((mask >> other & 1) == 0) continue;
    if (first + other >= running->threads.size() ||
        running->threads[first + other].state == State::returned) {
      fail(fmt::format(
          "{} with mask {:#x}, but lane {} {}", operation, mask, other,
          first + other >= running->threads.size() ? "does not exist" : "has returned"));
    }
    const Thread& thread = running->threads[first + other];
    complete = complete && thread.state == State::at_warp_step && thread.step == step &&
               thread.mask == mask;
    lanes[other] = thread.data;
  }
  if (!complete) return yield(self.fiber);
  step(lanes.data(), mask);
  for (unsigned other = 0; other < kWarp; ++other) {
    if ((mask >> other & 1) != 0) running->threads[first + other].state = State::ready;
  }
}

std::byte* dynamic_shared_memory() {
  return running->shared.data();
}

void check_shared(const char* operation, const void* address, std::size_t bytes,
                  std::size_t alignment) {
  if (!running->shared.contains(address, bytes)) {
    fail(fmt::format("{} at byte {} of {} of the dynamic shared memory", operation,
                     static_cast<const std::byte*>(address) - running->shared.data(),
                     running->shared.bytes()));
  }
  if (reinterpret_cast<std::uintptr_t>(address) % alignment != 0) {
    fail(fmt::format("{} at an address that is no multiple of {}", operation, alignment));
  }
}

void copy_later(void* to, const void* from, std::size_t bytes, std::size_t zero_bytes) {
  running->current->copies.push_back({to, from, bytes, zero_bytes});
}

void close_copy_group() {
  Thread& self = *running->current;
  self.group_ends.push_back(self.copies.size());
}

void wait_for_copies(std::size_t groups_left) {
  Thread& self = *running->current;
  if (self.group_ends.size() <= groups_left) return;
  const std::size_t groups = self.group_ends.size() - groups_left;
  const std::size_t count = self.group_ends[groups - 1];
  for (std::size_t n = 0; n < count; ++n) {
    const Copy& copy = self.copies[n];
    if (copy.bytes > 0) std::memcpy(copy.to, copy.from, copy.bytes);
    std::memset(static_cast<std::byte*>(copy.to) + copy.bytes, 0, copy.zero_bytes);
  }
  self.copies.erase(self.copies.begin(), self.copies.begin() + static_cast<std::ptrdiff_t>(count));
  self.group_ends.erase(self.group_ends.begin(),
                        self.group_ends.begin() + static_cast<std::ptrdiff_t>(groups));
  for (std::size_t& end : self.group_ends) end -= count;
}

}  // namespace bertyard::emulation
