// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace bertyard {

// A value of a fine-tuning grid as it stands in the name of its training: two that read alike are
// one training.
std::string grid_value_text(double value);
std::string grid_value_text(std::int64_t value);

}  // namespace bertyard
