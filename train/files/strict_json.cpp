// SPDX-License-Identifier: Apache-2.0
#include "train/files/strict_json.h"

#include <set>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/base/error.h"

namespace bertyard {

void require_strict_json(std::string_view text, const std::string& where, int max_depth) {
  using Json = nlohmann::json;
  if (!text.starts_with('{')) {
    throw DataError(fmt::format("{}: expected a JSON object that begins with '{{'", where));
  }
  std::vector<std::set<std::string>> keys;
  const auto check = [&](int depth, Json::parse_event_t event, Json& value) {
    if (depth > max_depth) {
      throw DataError(fmt::format("{}: JSON is nested more than {} deep", where, max_depth));
    }
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event == Json::parse_event_t::key) {
      const auto& key = value.get_ref<const std::string&>();
      if (!keys.back().insert(key).second) {
        throw DataError(fmt::format("{}: key '{}' is there twice", where, key));
      }
    }
    return true;
  };
  try {
    const Json parsed = Json::parse(text, check);
    if (!parsed.is_object()) throw DataError(where + ": expected a JSON object");
  } catch (const Json::exception& error) {
    throw DataError(fmt::format("{}: not valid JSON: {}", where, error.what()));
  }
}

}  // namespace bertyard
