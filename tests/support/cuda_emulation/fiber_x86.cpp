// SPDX-License-Identifier: Apache-2.0
#include <cstdint>

#include "tests/support/cuda_emulation/fiber.h"

// Pushes what the System V ABI lets a function keep, stores the stack's address in *save and goes
// on where `load` was stored.
extern "C" void bertyard_switch_stack(void** save, void* load);
asm(R"(
.text
.globl bertyard_switch_stack
.type bertyard_switch_stack, @function
bertyard_switch_stack:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size bertyard_switch_stack, . - bertyard_switch_stack
)");

namespace bertyard::emulation {

struct Fiber {
  std::byte* stack;
  std::size_t stack_bytes;
  void* here = nullptr;
  void* scheduler = nullptr;
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
  // Six registers to pop, the address to return to, and a word that leaves the stack as a call
  // would: 8 beyond a multiple of 16.
  auto* top = reinterpret_cast<std::uintptr_t*>(fiber->stack + fiber->stack_bytes - 64);
  for (int word = 0; word < 6; ++word) top[word] = 0;
  top[6] = reinterpret_cast<std::uintptr_t>(&first_steps);
  top[7] = 0;
  fiber->here = top;
}

void resume(Fiber* fiber) {
  starting = fiber;
  bertyard_switch_stack(&fiber->scheduler, fiber->here);
}

void yield(Fiber* fiber) {
  bertyard_switch_stack(&fiber->here, fiber->scheduler);
}

}  // namespace bertyard::emulation
