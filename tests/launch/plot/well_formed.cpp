// SPDX-License-Identifier: Apache-2.0
#include "tests/launch/plot/well_formed.h"

#include <regex>
#include <set>
#include <vector>

namespace bertyard::testing {
namespace {

// "&" only as the beginning of an entity.
bool entities_fit(const std::string& text) {
  static const std::regex kLoose("&(?!(amp|lt|gt|quot|apos);)");
  return !std::regex_search(text, kLoose);
}

std::string tag_fault(const std::string& tag, std::vector<std::string>& open) {
  static const std::regex kClosing("/([A-Za-z]+)");
  static const std::regex kOpening("([A-Za-z]+)((?: [A-Za-z0-9:-]+=\"[^\"<]*\")*)(/?)");
  static const std::regex kAttribute(" ([A-Za-z0-9:-]+)=");
  std::smatch match;
  if (std::regex_match(tag, match, kClosing)) {
    if (open.empty() || open.back() != match[1]) return "closes what is not open: " + tag;
    open.pop_back();
    return "";
  }
  if (!std::regex_match(tag, match, kOpening)) return "no tag: " + tag;
  if (!entities_fit(tag)) return "loose & in: " + tag;
  const std::string attributes = match[2];
  std::set<std::string> names;
  for (std::sregex_iterator at(attributes.begin(), attributes.end(), kAttribute), end; at != end;
       ++at) {
    if (!names.insert((*at)[1]).second) return "attribute twice: " + tag;
  }
  if (match[3].length() == 0) open.push_back(match[1]);
  return "";
}

}  // namespace

std::string xml_fault(std::string_view text) {
  std::vector<std::string> open;
  int roots = 0;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t tag = std::min(text.find('<', at), text.size());
    const std::string between(text.substr(at, tag - at));
    if (!entities_fit(between)) return "loose & in: " + between;
    const bool blank = between.find_first_not_of(" \n") == std::string::npos;
    if (open.empty() && !blank) return "text outside: " + between;
    if (tag == text.size()) break;
    const std::size_t end = text.find('>', tag);
    if (end == std::string_view::npos) return "a tag without its end";
    if (open.empty() && ++roots > 1) return "two roots";
    const auto fault = tag_fault(std::string(text.substr(tag + 1, end - tag - 1)), open);
    if (!fault.empty()) return fault;
    at = end + 1;
  }
  if (!open.empty()) return "never closed: " + open.back();
  return roots == 1 ? "" : "no root";
}

}  // namespace bertyard::testing
