// SPDX-License-Identifier: Apache-2.0
// Stands in for nccl_registration.cpp where NCCL is older than 2.19.
#include "core/base/error.h"
#include "parallel/nccl_registration.h"

namespace bertyard {
namespace {

[[noreturn]] void throw_absent() {
  throw EnvironmentError(
      "NCCL: this program was built with an NCCL before 2.19, which cannot register memory; do "
      "without registered memory, or build with a later NCCL");
}

}  // namespace

void* register_with_nccl(void* /*communicator*/, void* /*memory*/, std::size_t /*bytes*/) {
  throw_absent();
}
void deregister_with_nccl(void* /*communicator*/, void* /*registration*/) noexcept {}
Buffer allocate_by_nccl(std::size_t /*bytes*/) {
  throw_absent();
}

}  // namespace bertyard
