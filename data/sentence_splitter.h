// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bertyard {

// Cuts a paragraph into sentences by the rules of a language. Stateless.
class SentenceSplitter {
 public:
  // "en" or "zh"; throws UsageError on anything else.
  explicit SentenceSplitter(std::string_view language);

  // Appends the sentences of `paragraph`, without white space at their ends; never an empty one.
  void split(std::string_view paragraph, std::vector<std::string>& sentences) const;

 private:
  enum class Language { english, chinese };
  Language language_;
};

// Languages that SentenceSplitter knows, as messages list them: "en, zh".
std::string_view known_languages();

}  // namespace bertyard
