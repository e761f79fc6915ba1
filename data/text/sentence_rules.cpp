// SPDX-License-Identifier: Apache-2.0
#include "data/text/sentence_rules.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <utility>

#include <fmt/format.h>

#include "core/base/error.h"
#include "data/text/sentence_scan.h"
#include "data/text/unicode.h"

namespace bertyard {

// Reads one file of rules.
class SentenceRulesParser {
 public:
  explicit SentenceRulesParser(const std::filesystem::path& path) : path_(path) {}

  SentenceRules parse() {
    std::ifstream file(path_);
    if (!file || std::filesystem::is_directory(path_)) {
      throw DataError(fmt::format(
          "corpus.language: the file of rules {} cannot be read: {}; give a language or a file",
          path_.string(), file ? "it is a directory" : std::strerror(errno)));
    }
    for (std::string line; std::getline(file, line);) {
      ++line_number_;
      if (!is_valid_utf8(line)) fail("is not UTF-8; convert the file");
      line.resize(std::min(line.find('#'), line.size()));
      if (!trim(line).empty()) parse_line(line);
    }
    return std::move(rules_);
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw DataError(fmt::format("{}:{}: the line {}", path_.string(), line_number_, what));
  }

  void parse_line(const std::string& line) {
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos) fail("has no colon, expected 'name: values'");
    const std::string name(trim(std::string_view(line).substr(0, colon)));
    std::istringstream values(line.substr(colon + 1));
    std::string value;
    bool any = false;
    while (values >> value) {
      any = true;
      if (!take_characters(name, value) && !take_word(name, value)) take_choice(name, value);
    }
    if (!any) fail(fmt::format("has no values behind '{}:'", name));
  }

  // The first line of a name replaces the default, later ones add to it.
  bool take_characters(const std::string& name, std::string_view value) {
    std::u32string* list = name == "terminators" ? &rules_.terminators_
                           : name == "closers"   ? &rules_.closers_
                           : name == "openers"   ? &rules_.openers_
                                                 : nullptr;
    if (list == nullptr) return false;
    if (given_.insert(name).second) list->clear();
    while (!value.empty()) {
      const DecodedCharacter character = decode_utf8(value);
      list->push_back(character.code);
      value.remove_prefix(character.bytes);
    }
    return true;
  }

  bool take_word(const std::string& name, std::string_view value) {
    auto* list = name == "abbreviations"   ? &rules_.abbreviations_
                 : name == "before_number" ? &rules_.before_number_
                 : name == "starters"      ? &rules_.starters_
                                           : nullptr;
    if (list == nullptr) return false;
    if (value.size() > 1 && value.ends_with('.')) value.remove_suffix(1);
    list->insert(ascii_lower(value));
    return true;
  }

  void take_choice(const std::string& name, const std::string& value) {
    const auto choose = [&](const char* yes, const char* no) {
      if (value != yes && value != no) {
        fail(fmt::format("says '{}: {}', expected {} or {}", name, value, yes, no));
      }
      return value == yes;
    };
    if (name == "numbers") {
      rules_.numbers_are_ordinal_ = choose("ordinal", "cardinal");
    } else if (name == "space") {
      rules_.needs_space_ = choose("required", "optional");
    } else {
      fail(
          fmt::format("names '{}', expected one of: terminators, closers, openers, "
                      "abbreviations, before_number, starters, numbers, space",
                      name));
    }
  }

  std::filesystem::path path_;
  std::size_t line_number_ = 0;
  std::set<std::string> given_;
  SentenceRules rules_;
};

SentenceRules SentenceRules::load(const std::filesystem::path& path) {
  return SentenceRulesParser(path).parse();
}

bool SentenceRules::can_follow(std::string_view text, std::size_t position) const {
  if (position >= text.size()) return false;
  const char32_t first = decode_utf8(text.substr(position)).code;
  return !is_lower_case(first) && !is_dash(first) && !is_terminator(first);
}

// Whether the full stop at `stop`, which nothing closes after, ends a sentence before `next_word`.
bool SentenceRules::stop_ends(std::string_view text, std::size_t stop,
                              std::size_t next_word) const {
  const std::string_view word = word_before(text, stop);
  const std::string_view next = word_after(text, next_word);
  const std::string lowered = ascii_lower(word);
  if (is_number(word) && (numbers_are_ordinal_ || word.data() == text.data())) return false;
  if (abbreviations_.contains(lowered)) return false;
  if (before_number_.contains(lowered) && is_number(next)) return false;
  const bool is_initial = count_characters(word) == 1 && !is_number(word);
  if (!is_initial && !is_acronym(word)) return true;
  return starters_.contains(ascii_lower(next));
}

std::size_t SentenceRules::sentence_end(std::string_view text) const {
  const auto terminates = [this](char32_t code) { return is_terminator(code); };
  std::size_t position = 0;
  while (position < text.size()) {
    const std::size_t stop = skip(text, position, [&](char32_t code) { return !terminates(code); });
    if (stop == text.size()) break;
    const std::size_t run_end = skip(text, stop, terminates);
    const std::size_t end =
        skip(text, run_end, [this](char32_t code) { return contains(closers_, code); });
    position = end;
    if (!needs_space_) return end;
    const std::size_t next = skip(text, end, is_whitespace);
    if (next == end) continue;
    const std::size_t next_word =
        skip(text, next, [this](char32_t code) { return contains(openers_, code); });
    if (!can_follow(text, next_word)) continue;
    const bool is_single_stop = text[stop] == '.' && run_end == stop + 1 && end == run_end;
    if (!is_single_stop || stop_ends(text, stop, next_word)) return end;
  }
  return text.size();
}

}  // namespace bertyard
