// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <fmt/format.h>

#include "core/base/hash.h"
#include "data/text/unicode.h"
#include "data/tokenizer/vocabulary.h"
#include "launch/console/text_table.h"
#include "launch/inspect/inspect_parts.h"

namespace bertyard {
namespace {

// What the entries are, beside the special ones, which stand in brackets.
struct EntryCounts {
  std::int64_t continuing = 0;  // begin with ##
  std::int64_t bracketed = 0;
  std::int64_t ideographs = 0;  // one Chinese character
  std::int64_t upper_case = 0;
  std::size_t longest = 0;
  std::string longest_entry;
};

bool has_upper_case(std::string_view token) {
  return std::any_of(token.begin(), token.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

EntryCounts count_entries(const Vocabulary& vocabulary) {
  EntryCounts counts;
  for (const std::string& token : vocabulary.tokens()) {
    if (token.size() > 2 && token.front() == '[' && token.back() == ']') {
      ++counts.bracketed;
      continue;
    }
    const bool continues = token.size() > 2 && token.starts_with("##");
    counts.continuing += continues ? 1 : 0;
    counts.upper_case += has_upper_case(token) ? 1 : 0;
    const std::string_view piece = std::string_view(token).substr(continues ? 2 : 0);
    const DecodedCharacter first = decode_utf8(piece);
    const bool alone = first.bytes == piece.size();
    counts.ideographs += alone && is_cjk_ideograph(first.code) ? 1 : 0;
    if (const std::size_t length = count_characters(piece); length > counts.longest) {
      counts.longest = length;
      counts.longest_entry = token;
    }
  }
  return counts;
}

}  // namespace

std::string inspect_vocabulary(const InspectOptions& options) {
  const Vocabulary vocabulary = Vocabulary::load(options.path);
  const SpecialTokens& special = vocabulary.special();
  const EntryCounts counts = count_entries(vocabulary);
  const auto size = static_cast<std::int64_t>(vocabulary.size());
  return section_text(
      fmt::format("vocabulary {}", options.path),
      {{"entries", grouped(size)},
       {"special", fmt::format("[PAD] {}, [UNK] {}, [CLS] {}, [SEP] {}, [MASK] {}", special.pad,
                               special.unknown, special.cls, special.sep, special.mask)},
       {"in brackets", grouped(counts.bracketed)},
       {"continuing", fmt::format("{} begin with ##", grouped(counts.continuing))},
       {"case", counts.upper_case == 0
                    ? "no A to Z: for lower-cased text"
                    : fmt::format("{} with A to Z: for cased text", grouped(counts.upper_case))},
       {"ideographs", grouped(counts.ideographs)},
       {"longest", fmt::format("{} ({} characters)", counts.longest_entry, counts.longest)},
       {"hash", hash_text(vocabulary.hash())}});
}

}  // namespace bertyard
