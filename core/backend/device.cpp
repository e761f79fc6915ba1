// SPDX-License-Identifier: Apache-2.0
#include "core/backend/device.h"

#include <fmt/format.h>

#include "core/backend/layer_ops.h"
#include "core/base/error.h"

namespace bertyard {

std::size_t Device::workspace_bytes(const WorkspaceLimits& limits) {
  return layer_ops().workspace_bytes(limits);
}

LossOps& Device::loss_ops() {
  throw EnvironmentError(
      fmt::format("{}: the losses of downstream tasks are not available on this device; use "
                  "parallel.backend: cpu",
                  info().name));
}

RecurrentOps& Device::recurrent_ops() {
  throw EnvironmentError(
      fmt::format("{}: LSTMs, which model.type: elmo is made of, are not available on this device; "
                  "use parallel.backend: cpu",
                  info().name));
}

}  // namespace bertyard
