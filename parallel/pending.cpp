// SPDX-License-Identifier: Apache-2.0
#include "parallel/pending.h"

#include <chrono>

#include "core/base/error.h"

namespace bertyard {

void Pending::wait() {
  if (!operation_.valid()) return;
  try {
    operation_.get();
  } catch (const std::future_error&) {
    throw Error("parallel: the process group was closed before an operation on it had run");
  }
}

bool Pending::complete() const {
  return !operation_.valid() ||
         operation_.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
}

}  // namespace bertyard
