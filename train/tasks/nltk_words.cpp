// SPDX-License-Identifier: Apache-2.0
// NLTK's tokenizer is a list of regular expressions, one after the other over the whole text. Each
// function here is one of them, or several that find single characters; the expression stands
// above.
#include "train/tasks/nltk_words.h"

#include <array>

#include "train/tasks/python_text.h"

namespace bertyard {
namespace {

using Text = std::u32string;
using View = std::u32string_view;

// re.sub(): `match(text, at, result)` looks for the expression at `at`, appends what replaces it
// and returns where it ends, or `at` where it is not there.
template <typename Match>
Text replaced(View text, Match match) {
  Text result;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = match(text, at, result);
    if (end == at) {
      result += text[at++];
    } else {
      at = end;
    }
  }
  return result;
}

bool has(View set, char32_t c) {
  return set.find(c) != View::npos;
}

bool is_word_at(View text, std::size_t at) {
  return at < text.size() && is_python_word(text[at]);
}

// \b
bool is_boundary(View text, std::size_t at) {
  return (at > 0 && is_python_word(text[at - 1])) != is_word_at(text, at);
}

bool starts_at(View text, std::size_t at, View word) {
  return text.substr(at).starts_with(word);
}

// (?i), of ASCII.
bool starts_in_any_case(View text, std::size_t at, View word) {
  if (text.size() - at < word.size()) return false;
  for (std::size_t i = 0; i < word.size(); ++i) {
    const char32_t c = text[at + i];
    if ((c >= U'A' && c <= U'Z' ? c + 32 : c) != word[i]) return false;
  }
  return true;
}

// [set]  ->  " c "
Text spaced(View text, View set) {
  return replaced(text, [set](View all, std::size_t at, Text& result) {
    if (!has(set, all[at])) return at;
    result += U' ';
    result += all[at];
    result += U' ';
    return at + 1;
  });
}

// c{least,}  ->  " run "
Text spaced_runs(View text, char32_t c, std::size_t least) {
  return replaced(text, [=](View all, std::size_t at, Text& result) {
    std::size_t end = at;
    while (end < all.size() && all[end] == c) ++end;
    if (end - at < least) return at;
    result += U' ';
    result += all.substr(at, end - at);
    result += U' ';
    return end;
  });
}

// word  ->  replacement
Text replaced_word(View text, View word, View replacement) {
  return replaced(text, [=](View all, std::size_t at, Text& result) {
    if (!starts_at(all, at, word)) return at;
    result += replacement;
    return at + word.size();
  });
}

// ([ \(\[{<])(\"|\'{2})  ->  \1 ``
Text opening_quotes(View text) {
  return replaced(text, [](View all, std::size_t at, Text& result) {
    if (!has(U" ([{<", all[at])) return at;
    std::size_t end = at + 1;
    if (starts_at(all, end, U"\"")) {
      end += 1;
    } else if (starts_at(all, end, U"''")) {
      end += 2;
    } else {
      return at;
    }
    result += all[at];
    result += U" `` ";
    return end;
  });
}

// (?i)(?<!\w)(\')(?!(?:re|ve|ll|m|t|s|d|n)\b)(?=\w)  ->  "' "
Text single_quotes(View text) {
  return replaced(text, [](View all, std::size_t at, Text& result) {
    if (all[at] != U'\'' || (at > 0 && is_python_word(all[at - 1]))) return at;
    if (!is_word_at(all, at + 1)) return at;
    for (const View ending : {U"re", U"ve", U"ll", U"m", U"t", U"s", U"d", U"n"}) {
      if (starts_in_any_case(all, at + 1, ending) && is_boundary(all, at + 1 + ending.size())) {
        return at;
      }
    }
    result += U"' ";
    return at + 1;
  });
}

// ([^\.])(\.)([closing]*)\s*$  ->  \1 \2, `between`, \3
Text final_stop(View text, View closing, View between) {
  return replaced(text, [=](View all, std::size_t at, Text& result) {
    if (all[at] == U'.' || !starts_at(all, at + 1, U".")) return at;
    std::size_t end = at + 2;
    while (end < all.size() && has(closing, all[end])) ++end;
    const View closed = all.substr(at + 2, end - at - 2);
    while (end < all.size() && is_python_space(all[end])) ++end;
    if (end < all.size()) return at;
    result += all[at];
    result += U" .";
    result += between;
    result += closed;
    result += U' ';
    return end;
  });
}

// ([:,])([^\d])  ->  " \1 \2", then ([:,])$  ->  " \1 "
Text colons_and_commas(View text) {
  const Text inner = replaced(text, [](View all, std::size_t at, Text& result) {
    if (!has(U":,", all[at]) || at + 1 == all.size() || is_digit(all[at + 1])) return at;
    result += U' ';
    result += all[at];
    result += U' ';
    result += all[at + 1];
    return at + 2;
  });
  return replaced(inner, [](View all, std::size_t at, Text& result) {
    const View rest = all.substr(at + 1);
    if (!has(U":,", all[at]) || (!rest.empty() && rest != U"\n")) return at;
    result += U' ';
    result += all[at];
    result += U' ';
    return at + 1;
  });
}

// ([^'])'  with a space after it  ->  \1 '
Text closing_single_quotes(View text) {
  return replaced(text, [](View all, std::size_t at, Text& result) {
    if (all[at] == U'\'' || !starts_at(all, at + 1, U"' ")) return at;
    result += all[at];
    result += U" ' ";
    return at + 3;
  });
}

// \s+  ->  " "
Text single_spaces(View text) {
  return replaced(text, [](View all, std::size_t at, Text& result) {
    std::size_t end = at;
    while (end < all.size() && is_python_space(all[end])) ++end;
    if (end > at) result += U' ';
    return end;
  });
}

// ([^' ])(endings) with a space after it  ->  \1 \2
template <std::size_t N>
Text split_endings(View text, const std::array<View, N>& endings) {
  return replaced(text, [&](View all, std::size_t at, Text& result) {
    if (has(U"' ", all[at])) return at;
    for (const View ending : endings) {
      const std::size_t end = at + 1 + ending.size();
      if (!starts_at(all, at + 1, ending) || !starts_at(all, end, U" ")) continue;
      result += all[at];
      result += U' ';
      result += ending;
      result += U' ';
      return end + 1;
    }
    return at;
  });
}

// A word that is two: (?i)\b(first)(second)\b, or with a space before it or after it instead of a
// boundary; a space after it stays.
struct Contraction {
  View first, second;
  enum class Edge { boundaries, space_before, space_after } edge = Edge::boundaries;
};

Text split_contraction(View text, const Contraction& contraction) {
  const bool after_space = contraction.edge == Contraction::Edge::space_before;
  return replaced(text, [&](View all, std::size_t at, Text& result) {
    const std::size_t begin = at + (after_space ? 1 : 0);
    if (after_space ? all[at] != U' ' : !is_boundary(all, at)) return at;
    const std::size_t middle = begin + contraction.first.size();
    const std::size_t end = middle + contraction.second.size();
    if (end > all.size() || !starts_in_any_case(all, begin, contraction.first) ||
        !starts_in_any_case(all, middle, contraction.second)) {
      return at;
    }
    const bool ends = contraction.edge == Contraction::Edge::space_after
                          ? end < all.size() && is_python_space(all[end])
                          : is_boundary(all, end);
    if (!ends) return at;
    result += U' ';
    result += all.substr(begin, middle - begin);
    result += U' ';
    result += all.substr(middle, end - middle);
    result += U' ';
    return end;
  });
}

constexpr std::array<Contraction, 10> kContractions{
    {{U"can", U"not"},
     {U"d", U"'ye"},
     {U"gim", U"me"},
     {U"gon", U"na"},
     {U"got", U"ta"},
     {U"lem", U"me"},
     {U"more", U"'n"},
     {U"wan", U"na", Contraction::Edge::space_after},
     {U"'t", U"is", Contraction::Edge::space_before},
     {U"'t", U"was", Contraction::Edge::space_before}}};
constexpr std::array<View, 8> kLongEndings{U"'ll", U"'LL", U"'re", U"'RE",
                                           U"'ve", U"'VE", U"n't", U"N'T"};
constexpr std::array<View, 7> kShortEndings{U"'s", U"'S", U"'m", U"'M", U"'d", U"'D", U"'"};

Text starting_quotes(View text) {
  // ([«“‘„]|[`]+)
  Text result = spaced_runs(spaced(text, U"«“‘„"), U'`', 1);
  if (result.starts_with(U'"')) result.replace(0, 1, U"``");  // ^\"
  result = replaced_word(result, U"``", U" `` ");
  return single_quotes(opening_quotes(result));
}

Text punctuation(View text) {
  Text result = final_stop(text, U"])}>\"'»”’ ", U" ");
  result = spaced_runs(colons_and_commas(result), U'.', 2);
  result = spaced(result, U";@#$%&\u2012\u2013\u2014\u2015");
  result = spaced(final_stop(result, U"])}>\"'", U""), U"?!");
  return spaced(closing_single_quotes(result), U"*");
}

Text ending_quotes(View text) {
  Text result = replaced_word(spaced(text, U"»”’"), U"''", U" '' ");
  result = single_spaces(replaced_word(result, U"\"", U" '' "));
  return split_endings(split_endings(result, kShortEndings), kLongEndings);
}

}  // namespace

std::vector<Text> nltk_words(View text) {
  Text words = spaced(punctuation(starting_quotes(text)), U"][(){}<>");
  words = ending_quotes(U" " + replaced_word(words, U"--", U" -- ") + U" ");
  for (const Contraction& contraction : kContractions) {
    words = split_contraction(words, contraction);
  }
  return python_split(words);
}

}  // namespace bertyard
