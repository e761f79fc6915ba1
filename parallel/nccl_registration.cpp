// SPDX-License-Identifier: Apache-2.0
#include "parallel/nccl_registration.h"

#include <fmt/format.h>
#include <nccl.h>

#include "core/base/error.h"

namespace bertyard {
namespace {

void check(ncclResult_t code, std::size_t bytes, const char* call) {
  if (code == ncclSuccess) return;
  throw EnvironmentError(fmt::format("NCCL: {} of {} bytes: {}; do without registered memory", call,
                                     bytes, ncclGetErrorString(code)));
}

}  // namespace

void* register_with_nccl(void* communicator, void* memory, std::size_t bytes) {
  void* registration = nullptr;
  check(ncclCommRegister(static_cast<ncclComm_t>(communicator), memory, bytes, &registration),
        bytes, "ncclCommRegister");
  return registration;
}

void deregister_with_nccl(void* communicator, void* registration) noexcept {
  static_cast<void>(ncclCommDeregister(static_cast<ncclComm_t>(communicator), registration));
}

Buffer allocate_by_nccl(std::size_t bytes) {
  void* data = nullptr;
  check(ncclMemAlloc(&data, bytes), bytes, "ncclMemAlloc");
  return {data, bytes, [](void* memory, std::size_t /*bytes*/) noexcept {
            static_cast<void>(ncclMemFree(memory));
          }};
}

}  // namespace bertyard
