// SPDX-License-Identifier: Apache-2.0
#include "core/base/error.h"

#include <string_view>

#include <fmt/format.h>

namespace bertyard {

void throw_check_failure(const char* file, int line, const std::string& message) {
  std::string_view path(file);
  for (const char* root : {"core/", "parallel/", "data/", "train/", "launch/"}) {
    const auto at = path.rfind(root);
    if (at != std::string_view::npos) {
      path.remove_prefix(at);
      break;
    }
  }
  throw Error(fmt::format("{} [{}:{}]", message, path, line));
}

}  // namespace bertyard
