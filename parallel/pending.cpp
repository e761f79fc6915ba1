// SPDX-License-Identifier: Apache-2.0
#include "parallel/pending.h"

#include <chrono>
#include <utility>

#include "core/base/error.h"

namespace bertyard {

void Pending::wait() {
  if (wait_) return std::exchange(wait_, nullptr)();
  if (!operation_.valid()) return;
  try {
    operation_.get();
  } catch (const std::future_error&) {
    throw Error("parallel: the process group was closed before an operation on it had run");
  }
}

bool Pending::complete() const {
  if (wait_) return complete_();
  return !operation_.valid() ||
         operation_.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
}

}  // namespace bertyard
