// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace bertyard {

// Throws DataError unless `text` is one JSON object without duplicate keys and nested at most
// `max_depth` deep: what a JSON parser lets pass, but no file of ours may hold. `where` begins the
// message.
void require_strict_json(std::string_view text, const std::string& where, int max_depth = 8);

}  // namespace bertyard
