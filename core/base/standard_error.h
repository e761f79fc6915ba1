// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace bertyard {

// Writes to standard error, whole lines at once. What cannot be written is lost: a console that is
// full or gone is no reason to lose a run.
void write_standard_error(std::string_view text) noexcept;

}  // namespace bertyard
