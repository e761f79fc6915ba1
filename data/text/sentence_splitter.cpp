// SPDX-License-Identifier: Apache-2.0
#include "data/text/sentence_splitter.h"

#include <fmt/format.h>

#include "core/base/error.h"
#include "data/text/english_sentences.h"
#include "data/text/unicode.h"

namespace bertyard {
namespace {

bool contains(std::u32string_view characters, char32_t code) {
  return characters.find(code) != std::u32string_view::npos;
}

// A Chinese sentence ends behind a full stop, exclamation or question mark, full width or not (the
// ASCII full stop excepted: it stands in numbers), and what closes after it.
std::size_t chinese_sentence_end(std::string_view text) {
  constexpr std::u32string_view kTerminators = U"\u3002\uFF01\uFF1F\uFF61!?";
  constexpr std::u32string_view kClosers = U"\u201D\u2019\u300D\u300F\uFF09\u300B\u3011)]\"'";
  bool ended = false;
  std::size_t position = 0;
  while (position < text.size()) {
    const DecodedCharacter character = decode_utf8(text.substr(position));
    const bool terminates = contains(kTerminators, character.code);
    if (ended && !terminates && !contains(kClosers, character.code)) break;
    ended = ended || terminates;
    position += character.bytes;
  }
  return position;
}

}  // namespace

std::string_view known_languages() {
  return "en, zh";
}

bool names_rules_file(std::string_view language) {
  return language.find_first_of("/.") != std::string_view::npos;
}

SentenceSplitter::SentenceSplitter(std::string_view language) {
  if (language == "en") {
    language_ = Language::english;
  } else if (language == "zh") {
    language_ = Language::chinese;
  } else if (names_rules_file(language)) {
    language_ = Language::rules;
    rules_ = SentenceRules::load(language);
  } else {
    throw UsageError(
        fmt::format("corpus.language is '{}', expected one of: {}; or the path of a file of rules",
                    language, known_languages()));
  }
}

std::size_t SentenceSplitter::sentence_end(std::string_view text) const {
  switch (language_) {
    case Language::english:
      return english_sentence_end(text);
    case Language::chinese:
      return chinese_sentence_end(text);
    case Language::rules:
      break;
  }
  return rules_->sentence_end(text);
}

void SentenceSplitter::split(std::string_view paragraph,
                             std::vector<std::string>& sentences) const {
  std::string_view rest = trim(paragraph);
  while (!rest.empty()) {
    const std::size_t end = sentence_end(rest);
    sentences.emplace_back(trim(rest.substr(0, end)));
    rest = trim(rest.substr(end));
  }
}

}  // namespace bertyard
