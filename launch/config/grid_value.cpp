// SPDX-License-Identifier: Apache-2.0
#include "launch/config/grid_value.h"

#include <fmt/format.h>

namespace bertyard {

std::string grid_value_text(double value) {
  return fmt::format("{:g}", value);
}

std::string grid_value_text(std::int64_t value) {
  return std::to_string(value);
}

}  // namespace bertyard
