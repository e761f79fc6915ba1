// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "data/documents.h"
#include "data/token_store.h"

namespace bertyard {

// What became of one unit of text: the record beside its tokens that says that it is done.
struct UnitRecord {
  CorpusCounts counts;
  std::vector<LineFault> faults;  // lines count from the unit's first
  std::uint64_t source_hash = 0;  // XXH3 of the bytes of the unit as they lie in the file
  std::uint64_t documents = 0;    // ordinals given out
  std::array<std::uint64_t, kCorpusParts> unknown{};  // [UNK] tokens
  std::vector<Segment> segments;
};

std::string to_text(const UnitRecord& record);
// Throws DataError when `text` is no such record.
UnitRecord parse_unit_record(std::string_view text);

}  // namespace bertyard
