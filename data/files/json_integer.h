// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <limits>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/base/error.h"

namespace bertyard {

// The whole number at `key`, in the range of T. nlohmann-json converts whatever number it finds,
// which is undefined where a fraction or 1e36 meets an integer. Throws DataError; where the key is
// missing, what nlohmann-json throws.
template <std::integral T, typename Json>
T read_integer(const Json& json, const char* key) {
  const Json& value = json.at(key);
  if (value.is_number_unsigned()) {
    const auto number = value.template get<std::uint64_t>();
    if (number <= static_cast<std::uint64_t>(std::numeric_limits<T>::max())) {
      return static_cast<T>(number);
    }
  } else if (value.is_number_integer() && std::signed_integral<T>) {
    const auto number = value.template get<std::int64_t>();
    if (number >= static_cast<std::int64_t>(std::numeric_limits<T>::min())) {
      return static_cast<T>(number);
    }
  }
  throw DataError(fmt::format("'{}' is {}, expected a whole number from {} to {}", key,
                              value.dump(), std::numeric_limits<T>::min(),
                              std::numeric_limits<T>::max()));
}

}  // namespace bertyard
