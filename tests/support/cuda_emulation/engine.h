// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

namespace bertyard::emulation {

struct Index3 {
  unsigned x = 0, y = 0, z = 0;
};

// A kernel with its arguments bound, and the shape of its grid.
struct KernelCall {
  std::string name;
  Index3 grid, block;
  std::size_t shared_bytes = 0;
  std::function<void()> body;
};

// Runs a grid on the calling CPU thread, block after block. The threads of a block are fibers that
// run one at a time, each until it waits for others: so results do not depend on timing, and a
// kernel that lacks a barrier shows when the order of the threads is turned round. Launches from
// several CPU threads take turns. Throws Error naming kernel, block and threads where some wait for
// others for ever, where shared or device memory is written out of bounds, or where an instruction
// is misused. Dynamic shared memory holds NaN (0xFF) when a block starts.
void run_grid(const KernelCall& call);

enum class ThreadOrder { forward, reverse };
// The order in which blocks, and threads between two barriers, take turns; for the whole process.
void set_thread_order(ThreadOrder order);

// Below: for code that runs inside a kernel.

// Of the running thread.
const Index3& thread_index();
const Index3& block_index();
const Index3& block_shape();
const Index3& grid_shape();
unsigned lane();

// Waits for all threads of the block. A thread that has returned is missed, as synccheck of
// NVIDIA's compute-sanitizer has it.
void wait_for_block(const char* operation);

// Waits until every lane of `mask` has come to the same operation; the last to come runs `step`
// over what each lane has passed, by lane.
using WarpStep = void (*)(void* const* lanes, std::uint32_t mask);
void meet_warp(const char* operation, std::uint32_t mask, void* data, WarpStep step);

std::byte* dynamic_shared_memory();
// Throws where [address, address + bytes) is not in the dynamic shared memory or not aligned.
void check_shared(const char* operation, const void* address, std::size_t bytes,
                  std::size_t alignment);
// Ends the kernel with an error that names it, the block and the thread.
[[noreturn]] void fail(const std::string& what);

// Copies that run when the thread waits for their group: cp.async.
void copy_later(void* to, const void* from, std::size_t bytes, std::size_t zero_bytes);
void close_copy_group();
void wait_for_copies(std::size_t groups_left);

}  // namespace bertyard::emulation
