// SPDX-License-Identifier: Apache-2.0
#include "train/tasks/nltk_words.h"

#include <string>

#include <gtest/gtest.h>

#include "data/text/utf8.h"

namespace bertyard {
namespace {

std::u32string decoded(std::string_view text) {
  std::u32string codes;
  while (!text.empty()) {
    const DecodedCharacter c = decode_utf8(text);
    codes += c.code;
    text.remove_prefix(c.bytes);
  }
  return codes;
}

std::string words(std::string_view text) {
  std::string joined;
  for (const std::u32string& word : nltk_words(decoded(text))) {
    if (!joined.empty()) joined += '|';
    append_utf8(word, joined);
  }
  return joined;
}

struct Case {
  const char* text;
  const char* words;
};

// What NLTKWordTokenizer of NLTK 3.10 gives.
TEST(NltkWords, AreThoseOfNltk) {
  const Case cases[] = {
      {"1,000", "1,000"},
      {"3.5", "3.5"},
      {"50%", "50|%"},
      {"$3.88", "$|3.88"},
      {"1,000.50元", "1,000.50元"},
      {"about 1,000 people.", "about|1,000|people|."},
      {"on jan. 1, 2008", "on|jan.|1|,|2008"},
      {"12:30", "12:30"},
      {"a:b", "a|:|b"},
      {"u.s.", "u.s|."},
      {"u.s. army", "u.s.|army"},
      {"the end.", "the|end|."},
      {"the end.)", "the|end|.|)"},
      {"he said \"yes.\"", "he|said|``|yes|.|''"},
      {"''a''", "''|a|''"},
      {"don't", "do|n't"},
      {"can't", "ca|n't"},
      {"cannot", "can|not"},
      {"gonna", "gon|na"},
      {"wanna go", "wan|na|go"},
      {"wanna", "wan|na"},
      {"it's o'clock", "it|'s|o'clock"},
      {"the boys' house", "the|boys|'|house"},
      {"'tis 'twas", "'|tis|'|twas"},
      {"more'n d'ye", "more|'n|d|'ye"},
      {"'re 'x'", "'re|'|x|'"},
      {"(a) [b] {c} <d>", "(|a|)|[|b|]|{|c|}|<|d|>"},
      {"a--b", "a|--|b"},
      {"x...", "x|..."},
      {"3..5", "3|..|5"},
      {"#1 @you a&b;c", "#|1|@|you|a|&|b|;|c"},
      {"what?!", "what|?|!"},
      {"«a» “b” ‘c’ „d", "«|a|»|“|b|”|‘|c|’|„|d"},
      {"`a` ``b``", "`|a|`|``|b|``"},
      {"a*b", "a|*|b"},
      {"2008–2009", "2008|–|2009"},
      {"c++", "c++"},
      {"1,", "1|,"},
      {"1:", "1|:"},
      {"1,\n", "1|,"},
      {"٣,٤", "٣,٤"},
      {"", ""},
      {"  ", ""},
  };
  for (const Case& one : cases) EXPECT_EQ(words(one.text), one.words) << one.text;
}

}  // namespace
}  // namespace bertyard
