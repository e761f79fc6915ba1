// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "data/tokenizer/tokenizer.h"

namespace bertyard {

// Writes encodings as JSON: {"tokens":["a","##b"],"ids":[5,6],"offsets":[[0,1],[1,2]]}. Immutable.
class EncodingLines {
 public:
  explicit EncodingLines(const Vocabulary& vocabulary);

  // Appends a line to `out`.
  void write(const Encoding& encoding, std::string& out) const;

 private:
  std::vector<std::string> quoted_;  // the vocabulary's entries as JSON strings
};

// Turns spans in bytes of `text` into spans in characters. `before` is a buffer to reuse.
void count_in_characters(std::string_view text, std::vector<TextSpan>& spans,
                         std::vector<std::uint32_t>& before);

}  // namespace bertyard
