// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

namespace bertyard::emulation {

// Another flow of control on this CPU thread, with a stack of its own: fiber_x86.cpp switches in a
// few instructions, fiber_ucontext.cpp anywhere and under sanitizers.
struct Fiber;

// `entry(argument)` starts at the first resume() and must never return: it yields for good.
Fiber* make_fiber(std::byte* stack, std::size_t stack_bytes);
void destroy_fiber(Fiber* fiber);
void start_over(Fiber* fiber, void (*entry)(void*), void* argument);
// From the scheduler into the fiber, back at its yield(); from the fiber into the scheduler.
void resume(Fiber* fiber);
void yield(Fiber* fiber);

}  // namespace bertyard::emulation
