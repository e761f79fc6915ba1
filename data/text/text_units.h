// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "data/options.h"

namespace bertyard {

// A part of the text that can be read on its own: a whole file, or the documents of a plain file
// that begin between two of its bytes. The documents of all units, in order, are the corpus.
struct TextUnit {
  static constexpr std::uint64_t kToTheEnd = std::numeric_limits<std::uint64_t>::max();

  std::string path;
  std::uint64_t begin = 0;
  std::uint64_t end = kToTheEnd;
  bool operator==(const TextUnit&) const = default;
};

inline constexpr std::uint64_t kTextUnitBytes = std::uint64_t{8} << 20;

// Cuts the corpus into units of about `unit_bytes`, in order. Compressed files, standard input and
// wrapped text without document_start are one unit each. Throws what expand_text_paths() throws.
std::vector<TextUnit> plan_text_units(const CorpusOptions& options,
                                      std::uint64_t unit_bytes = kTextUnitBytes);

// Units [begin, end) that are read one after another, as one piece of work.
struct UnitGroup {
  std::size_t begin = 0;
  std::size_t end = 0;
  bool operator==(const UnitGroup&) const = default;
};

// Puts neighbouring files that are one unit each together as long as they have `group_bytes` at
// most. The parts of a larger file stay alone.
std::vector<UnitGroup> group_text_units(const std::vector<TextUnit>& units,
                                        std::uint64_t group_bytes = kTextUnitBytes);

// Of the unit in its file; 0 where that cannot be known.
std::uint64_t byte_count(const TextUnit& unit);
std::vector<TextUnit> units_in(const std::vector<TextUnit>& units, const UnitGroup& group);
// Of all units of a group.
std::uint64_t byte_count(const std::vector<TextUnit>& units, const UnitGroup& group);
// Its file, place, size and the time of the file's last change, for keys: another text has, but for
// a hand that sets times back, another one.
std::string identity_of(const TextUnit& unit);

}  // namespace bertyard
