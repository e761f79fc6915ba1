// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace bertyard::testing {

// The first fault of an XML text without prologue, comments and sections; empty where there is
// none. Knows elements, attributes and the five entities.
std::string xml_fault(std::string_view text);

}  // namespace bertyard::testing
