// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace bertyard {

// Takes the text out of one line of a JSONL file. Reuse one: it keeps its buffers.
class JsonLine {
 public:
  // `field`: the key, at the top of each line's object, whose string is the text.
  explicit JsonLine(std::string field) : field_(std::move(field)) {}

  // Whether `line`, valid UTF-8, is a JSON object with the field as a string. Of several fields of
  // that name the last counts. Nesting costs memory in proportion to the line, no stack.
  bool parse(std::string_view line);
  // After parse(): the text, or what is wrong, such as "has no field 'text'".
  const std::string& text() const { return text_; }
  const std::string& fault() const { return fault_; }

 private:
  std::string field_;
  std::string text_;
  std::string fault_;
};

}  // namespace bertyard
