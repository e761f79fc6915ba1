// SPDX-License-Identifier: Apache-2.0
#include "launch/config/config_source.h"

#include <algorithm>
#include <climits>
#include <string_view>
#include <tuple>

#include <fmt/format.h>

namespace bertyard {
namespace {

constexpr std::size_t kShownColumns = 200;

std::string_view line_of(const std::string& text, int line) {
  std::string_view rest = text;
  for (int skipped = 1; skipped < line; ++skipped) {
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos) return {};
    rest.remove_prefix(end + 1);
  }
  rest = rest.substr(0, rest.find('\n'));
  if (!rest.empty() && rest.back() == '\r') rest.remove_suffix(1);
  return rest;
}

// What stands before the caret: as wide as the text above it, tabs kept, one space a character.
std::string caret_indent(std::string_view line, int column) {
  std::string indent;
  for (int i = 0; i + 1 < column; ++i) {
    const char c = i < static_cast<int>(line.size()) ? line[static_cast<std::size_t>(i)] : ' ';
    const bool continues_character = (static_cast<unsigned char>(c) & 0xC0) == 0x80;
    if (!continues_character) indent += c == '\t' ? '\t' : ' ';
  }
  return indent;
}

// A terminal must not obey what a damaged file contains.
std::string printable(std::string_view line) {
  std::string text;
  for (const char c : line.substr(0, kShownColumns)) {
    const bool is_control = static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
    text += is_control && c != '\t' ? '?' : c;
  }
  return text;
}

std::string excerpt(const ConfigPlace& place) {
  const std::string_view line = line_of(place.source->text, place.line);
  if (line.empty() || place.column > static_cast<int>(kShownColumns)) return {};
  const std::string number =
      place.source->kind == ConfigSource::Kind::file ? std::to_string(place.line) : std::string();
  return fmt::format("{:>5} | {}\n{:>5} | {}^\n", number, printable(line), "",
                     caret_indent(line, place.column));
}

}  // namespace

std::string place_text(const ConfigPlace& place) {
  if (place.source == nullptr) return {};
  if (place.source->kind != ConfigSource::Kind::file) return place.source->name;
  if (place.line == 0) return place.source->name;
  return fmt::format("{}:{}:{}", place.source->name, place.line, place.column);
}

void ConfigErrors::add(const ConfigPlace& place, const std::string& message) {
  entries_.push_back({place, message});
}

void ConfigErrors::append(const ConfigErrors& other) {
  entries_.insert(entries_.end(), other.entries_.begin(), other.entries_.end());
}

void ConfigErrors::throw_if_any() const {
  if (entries_.empty()) return;
  const auto rank = [](const Entry& entry) {
    const int order = entry.place.source == nullptr ? INT_MAX : entry.place.source->order;
    return std::tuple(order, entry.place.line, entry.place.column);
  };
  std::vector<Entry> sorted = entries_;
  std::stable_sort(sorted.begin(), sorted.end(),
                   [&rank](const Entry& a, const Entry& b) { return rank(a) < rank(b); });

  std::string text;
  for (const Entry& entry : sorted) {
    const std::string place = place_text(entry.place);
    text += fmt::format("{}{}error: {}\n", place, place.empty() ? "" : ": ", entry.message);
    if (entry.place.source != nullptr && entry.place.line > 0) text += excerpt(entry.place);
  }
  text += fmt::format("{} error(s)", sorted.size());
  throw ConfigError(text);
}

}  // namespace bertyard
