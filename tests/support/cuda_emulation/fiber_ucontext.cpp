// SPDX-License-Identifier: Apache-2.0
#include <ucontext.h>

#include "tests/support/cuda_emulation/fiber.h"

namespace bertyard::emulation {

struct Fiber {
  std::byte* stack;
  std::size_t stack_bytes;
  ucontext_t here = {};
  ucontext_t scheduler = {};
  void (*entry)(void*) = nullptr;
  void* argument = nullptr;
};

namespace {

thread_local Fiber* starting = nullptr;

void first_steps() {
  Fiber* fiber = starting;
  fiber->entry(fiber->argument);
}

}  // namespace

Fiber* make_fiber(std::byte* stack, std::size_t stack_bytes) {
  return new Fiber{.stack = stack, .stack_bytes = stack_bytes};
}

void destroy_fiber(Fiber* fiber) {
  delete fiber;
}

void start_over(Fiber* fiber, void (*entry)(void*), void* argument) {
  fiber->entry = entry;
  fiber->argument = argument;
  getcontext(&fiber->here);
  fiber->here.uc_stack.ss_sp = fiber->stack;
  fiber->here.uc_stack.ss_size = fiber->stack_bytes;
  fiber->here.uc_link = nullptr;
  makecontext(&fiber->here, first_steps, 0);
}

void resume(Fiber* fiber) {
  starting = fiber;
  swapcontext(&fiber->scheduler, &fiber->here);
}

void yield(Fiber* fiber) {
  swapcontext(&fiber->here, &fiber->scheduler);
}

}  // namespace bertyard::emulation
