// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bertyard {

// The words of one sentence as NLTK's NLTKWordTokenizer cuts it, which word_tokenize() uses after
// it has looked for ends of sentences: numbers stay whole ("1,000", "3.5"), "50%" is "50" and "%",
// "don't" is "do" and "n't", quotes become `` and ''. A full stop ends a word at the end of the
// text alone.
std::vector<std::u32string> nltk_words(std::u32string_view text);

}  // namespace bertyard
