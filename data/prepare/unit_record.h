// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "data/samples/token_store.h"
#include "data/text/documents.h"

namespace bertyard {

// What became of a group of units of text: the record beside its tokens that says that it is done.
struct UnitRecord {
  CorpusCounts counts;
  std::vector<LineFault> faults;  // lines count from their unit's first
  // Of each unit: XXH3 of its bytes as they lie in the file.
  std::vector<std::uint64_t> source_hashes;
  std::uint64_t documents = 0;                        // ordinals given out
  std::array<std::uint64_t, kCorpusParts> unknown{};  // [UNK] tokens
  std::vector<Segment> segments;
};

std::string to_text(const UnitRecord& record);
// Throws DataError when `text` is no such record.
UnitRecord parse_unit_record(std::string_view text);

}  // namespace bertyard
