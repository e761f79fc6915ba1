// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace bertyard {

// As JSON text; `indent` spaces a level, or one line where it is -1. A file's name may be any
// bytes: what is no UTF-8 becomes U+FFFD, as JSON has no other way.
template <typename Json>
std::string dump_json(const Json& json, int indent = -1) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace bertyard
