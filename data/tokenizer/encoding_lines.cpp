// SPDX-License-Identifier: Apache-2.0
#include "data/tokenizer/encoding_lines.h"

#include <cstddef>
#include <iterator>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "data/text/utf8.h"

namespace bertyard {

EncodingLines::EncodingLines(const Vocabulary& vocabulary) {
  for (const std::string& token : vocabulary.tokens()) {
    quoted_.push_back(nlohmann::json(token).dump());
  }
}

void EncodingLines::write(const Encoding& encoding, std::string& out) const {
  const auto list = [&](const char* name, auto&& element) {
    out += name;
    for (std::size_t i = 0; i < encoding.ids.size(); ++i) {
      if (i > 0) out += ',';
      element(i);
    }
    out += ']';
  };
  list("{\"tokens\":[", [&](std::size_t i) { out += quoted_[encoding.ids[i]]; });
  list(",\"ids\":[", [&](std::size_t i) {
    const fmt::format_int id(encoding.ids[i]);
    out.append(id.data(), id.size());
  });
  list(",\"offsets\":[", [&](std::size_t i) {
    fmt::format_to(std::back_inserter(out), "[{},{}]", encoding.spans[i].begin,
                   encoding.spans[i].end);
  });
  out += "}\n";
}

void count_in_characters(std::string_view text, std::vector<TextSpan>& spans,
                         std::vector<std::uint32_t>& before) {
  if (is_ascii(text)) return;
  before.assign(text.size() + 1, 0);
  std::uint32_t characters = 0;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t end = i + decode_utf8(text.substr(i)).bytes;
    for (; i < end; ++i) before[i] = characters;
    ++characters;
  }
  before[text.size()] = characters;
  for (TextSpan& span : spans) span = {before[span.begin], before[span.end]};
}

}  // namespace bertyard
