// SPDX-License-Identifier: Apache-2.0
#include "data/text/text_units.h"

#include <filesystem>
#include <system_error>

#include <fmt/format.h>

#include "core/base/error.h"
#include "data/text/byte_source.h"
#include "data/text/text_file.h"
#include "data/text/text_paths.h"

namespace bertyard {
namespace {

bool documents_can_be_found(const CorpusOptions& options) {
  return options.layout != TextLayout::wrapped || !options.document_start.empty();
}

// Where the text begins behind the lines to skip.
std::uint64_t first_byte(const std::string& path, std::int64_t skip_lines) {
  LineReader reader(path);
  std::string_view line;
  while (reader.line_number() < static_cast<std::uint64_t>(skip_lines) && reader.next(line)) {
  }
  return reader.line_begin();
}

}  // namespace

std::vector<TextUnit> plan_text_units(const CorpusOptions& options, std::uint64_t unit_bytes) {
  std::vector<TextUnit> units;
  for (const std::string& path : expand_text_paths("corpus.text", options.text)) {
    if (path != "-" && !std::filesystem::is_regular_file(path)) {
      throw DataError(fmt::format(
          "corpus.text: {} is a pipe or a device, and text is read more than once; name it '-' and "
          "give it to standard input: it is copied first",
          path));
    }
    const bool whole = path == "-" || !documents_can_be_found(options) || !can_be_split(path);
    const std::uint64_t size = whole ? 0 : std::filesystem::file_size(path);
    if (size <= unit_bytes) {
      units.push_back({path});
      continue;
    }
    // The lines to skip lie in the first unit, however many they are.
    const std::uint64_t first = options.skip_lines > 0 ? first_byte(path, options.skip_lines) : 0;
    units.push_back({path});
    for (std::uint64_t begin = first + unit_bytes; begin < size; begin += unit_bytes) {
      units.back().end = begin;
      units.push_back({path, begin});
    }
  }
  return units;
}

std::vector<UnitGroup> group_text_units(const std::vector<TextUnit>& units,
                                        std::uint64_t group_bytes) {
  std::vector<UnitGroup> groups;
  std::uint64_t room = 0;
  for (std::size_t i = 0; i < units.size(); ++i) {
    const bool is_file = units[i].begin == 0 && units[i].end == TextUnit::kToTheEnd;
    const std::uint64_t bytes = byte_count(units[i]);
    if (is_file && room > 0 && bytes <= room) {
      ++groups.back().end;
      room -= bytes;
      continue;
    }
    groups.push_back({i, i + 1});
    room = is_file && bytes < group_bytes ? group_bytes - bytes : 0;
    if (units[i].path == "-") room = 0;
  }
  return groups;
}

std::vector<TextUnit> units_in(const std::vector<TextUnit>& units, const UnitGroup& group) {
  const auto first = units.begin();
  return {first + static_cast<std::ptrdiff_t>(group.begin),
          first + static_cast<std::ptrdiff_t>(group.end)};
}

std::uint64_t byte_count(const std::vector<TextUnit>& units, const UnitGroup& group) {
  std::uint64_t bytes = 0;
  for (std::size_t i = group.begin; i < group.end; ++i) bytes += byte_count(units[i]);
  return bytes;
}

std::uint64_t byte_count(const TextUnit& unit) {
  if (unit.end != TextUnit::kToTheEnd) return unit.end - unit.begin;
  std::error_code error;
  const std::uint64_t size = std::filesystem::file_size(unit.path, error);
  return error || size < unit.begin ? 0 : size - unit.begin;
}

std::string identity_of(const TextUnit& unit) {
  std::error_code error;
  const auto time = std::filesystem::last_write_time(unit.path, error);
  return fmt::format("{}\n{} {} {} {}\n", unit.path, unit.begin, unit.end, byte_count(unit),
                     error ? 0 : time.time_since_epoch().count());
}

}  // namespace bertyard
