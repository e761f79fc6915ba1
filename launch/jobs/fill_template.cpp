// SPDX-License-Identifier: Apache-2.0
#include <regex>
#include <set>

#include <fmt/format.h>

#include "core/base/error.h"
#include "launch/jobs/launch_templates.h"

namespace bertyard {

std::string fill_template(std::string_view text, const std::map<std::string, std::string>& values) {
  const std::regex place("@([A-Z]+)@");
  std::set<std::string> used;
  std::string filled;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    std::string line(text.substr(0, end));
    text.remove_prefix(end);
    std::string made;
    std::smatch found;
    bool is_lone = false;
    for (; std::regex_search(line, found, place); line = found.suffix()) {
      const auto value = values.find(found[1]);
      BERTYARD_CHECK(value != values.end(),
                     fmt::format("template: no value for {}", found[0].str()));
      used.insert(value->first);
      is_lone = made.empty() && value->second.empty() && found.prefix().length() == 0 &&
                found.suffix() == "\n";
      made += found.prefix().str() + value->second;
    }
    if (!is_lone) filled += made + line;
  }
  BERTYARD_CHECK(used.size() == values.size(), "template: a value has no place");
  return filled;
}

}  // namespace bertyard
