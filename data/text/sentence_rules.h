// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <set>
#include <string>
#include <string_view>

namespace bertyard {

// A language's rules for ends of sentences, from a text file of lines "name: values"; '#' begins a
// comment. Values are separated by white space.
//   terminators    characters that end a sentence; default . ! ? and the ellipsis
//   closers        that belong to the sentence which ended before them; default ) ] " and quotes
//   openers        that may stand before a sentence's first word
//   abbreviations  words after which a full stop does not end a sentence, with or without theirs
//   before_number  likewise where a number follows
//   starters       words that begin a sentence even behind an initial or an acronym
//   numbers        ordinal: a number with a full stop does not end a sentence; cardinal (default)
//   space          required (default): only white space, then no lower-case letter, lets a
//                  terminator end a sentence; optional: a terminator always does
// Upper and lower case are told apart for characters beyond ASCII only. Immutable.
class SentenceRules {
 public:
  // Throws DataError, with the line, for a file that cannot be read or says anything else.
  static SentenceRules load(const std::filesystem::path& path);

  // Where the first sentence of a paragraph ends, as english_sentence_end() has it.
  std::size_t sentence_end(std::string_view text) const;

 private:
  friend class SentenceRulesParser;

  bool stop_ends(std::string_view text, std::size_t stop, std::size_t next_word) const;
  bool can_follow(std::string_view text, std::size_t position) const;
  bool is_terminator(char32_t code) const { return contains(terminators_, code); }
  static bool contains(const std::u32string& characters, char32_t code) {
    return characters.find(code) != std::u32string::npos;
  }

  std::u32string terminators_ = U".!?\u2026";
  std::u32string closers_ = U")]}'\"\u2019\u201D\u00BB";
  std::u32string openers_ = U"([{'\"*_\u2018\u201C\u00AB\u00A1\u00BF";
  std::set<std::string, std::less<>> abbreviations_;  // in lower case, without the last full stop
  std::set<std::string, std::less<>> before_number_;
  std::set<std::string, std::less<>> starters_;
  bool numbers_are_ordinal_ = false;
  bool needs_space_ = true;
};

}  // namespace bertyard
