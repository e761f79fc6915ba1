// SPDX-License-Identifier: Apache-2.0
#include "core/base/standard_error.h"

#include <cstdio>

namespace bertyard {

void write_standard_error(std::string_view text) noexcept {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

}  // namespace bertyard
