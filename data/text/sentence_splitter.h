// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/text/sentence_rules.h"

namespace bertyard {

// Cuts a paragraph into sentences by the rules of a language. Immutable.
class SentenceSplitter {
 public:
  // "en", "zh", or a file of SentenceRules, told by a '/' or a '.' in its name; throws UsageError
  // on anything else and DataError for a bad file.
  explicit SentenceSplitter(std::string_view language);

  // Appends the sentences of `paragraph`, without white space at their ends; never an empty one.
  void split(std::string_view paragraph, std::vector<std::string>& sentences) const;

 private:
  std::size_t sentence_end(std::string_view text) const;

  enum class Language { english, chinese, rules };
  Language language_;
  std::optional<SentenceRules> rules_;
};

// Whether corpus.language names a file of rules.
bool names_rules_file(std::string_view language);

// Languages that SentenceSplitter knows, as messages list them: "en, zh".
std::string_view known_languages();

}  // namespace bertyard
