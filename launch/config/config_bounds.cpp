// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <fmt/format.h>

#include "launch/config/config_tree.h"

namespace bertyard {
namespace {

// Generous beside kMaxConfigDepth, because brackets in comments and regular expressions count too.
constexpr int kMaxOpenBrackets = 64;
constexpr int kMaxIndentation = 128;
constexpr int kMaxLeadingDashes = kMaxConfigDepth;

struct LineScan {
  int indentation = 0;
  int leading_dashes = 0;  // "- - - x" nests without brackets
  int tab_column = 0;      // of a tab in the indentation
};

LineScan scan_line(std::string_view line) {
  LineScan scan;
  bool only_spaces = true;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (c == '\t') {
      scan.tab_column = static_cast<int>(i) + 1;
    } else if (c == '-' || c == '?') {
      scan.leading_dashes++;
      only_spaces = false;
    } else if (c != ' ') {
      break;
    }
    if (only_spaces) scan.indentation++;
  }
  const bool is_blank = line.find_first_not_of(" \t\r") == std::string_view::npos;
  if (is_blank) return {};
  return scan;
}

void check_characters(const ConfigSource& source, ConfigErrors& errors) {
  int line = 1, column = 0, open_brackets = 0;
  for (const char c : source.text) {
    column++;
    const bool is_control = static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
    if (is_control && c != '\n' && c != '\r' && c != '\t') {
      errors.add({&source, line, column},
                 fmt::format("control character 0x{:02x}; a configuration is UTF-8 text",
                             static_cast<unsigned char>(c)));
      return;
    }
    if (c == '[' || c == '{') open_brackets++;
    if (c == ']' || c == '}') open_brackets = std::max(0, open_brackets - 1);
    if (open_brackets > kMaxOpenBrackets) {
      errors.add({&source, line, column},
                 fmt::format("more than {} brackets are open here", kMaxOpenBrackets));
      return;
    }
    if (c == '\n') {
      line++;
      column = 0;
    }
  }
}

void check_lines(const ConfigSource& source, ConfigErrors& errors) {
  std::string_view rest = source.text;
  for (int number = 1; !rest.empty(); ++number) {
    const std::size_t end = rest.find('\n');
    const LineScan scan = scan_line(rest.substr(0, end));
    if (scan.tab_column > 0) {
      errors.add({&source, number, scan.tab_column},
                 "a tab in the indentation; YAML wants spaces, tabs are not allowed");
      return;
    }
    if (scan.indentation > kMaxIndentation || scan.leading_dashes > kMaxLeadingDashes) {
      errors.add(
          {&source, number, 1},
          fmt::format("nested too deep; a configuration has at most {} levels", kMaxConfigDepth));
      return;
    }
    if (end == std::string_view::npos) return;
    rest.remove_prefix(end + 1);
  }
}

}  // namespace

bool check_text_bounds(const ConfigSource& source, ConfigErrors& errors) {
  if (source.text.size() > kMaxConfigBytes) {
    errors.add({&source, 0, 0}, fmt::format("{} bytes, expected a configuration of at most {}",
                                            source.text.size(), kMaxConfigBytes));
    return false;
  }
  ConfigErrors found;
  check_characters(source, found);
  if (found.empty()) check_lines(source, found);
  if (found.empty()) return true;
  errors.append(found);
  return false;
}

}  // namespace bertyard
