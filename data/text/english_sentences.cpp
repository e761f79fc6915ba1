// SPDX-License-Identifier: Apache-2.0
#include "data/text/english_sentences.h"

#include <algorithm>
#include <iterator>
#include <string>

#include "data/text/sentence_scan.h"
#include "data/text/unicode.h"

namespace bertyard {
namespace {

// In lower case, without the final full stop.
constexpr std::string_view kNeverLast[] = {
    "adm",  "approx", "assoc",  "brig", "capt", "cf",  "cmdr", "col",  "cpl",  "dr",
    "e.g",  "esp",    "fr",     "gen",  "gov",  "hon", "i.e",  "incl", "insp", "lieut",
    "lt",   "maj",    "messrs", "mlle", "mme",  "mr",  "mrs",  "ms",   "msgr", "pres",
    "prof", "rep",    "resp",   "rev",  "sen",  "sgt", "supt", "viz",  "vs"};
// Followed by a number they do not end a sentence.
constexpr std::string_view kBeforeNumber[] = {
    "apr", "art", "aug", "bk",  "ca",   "ch", "chap", "dec", "eq",  "fig", "figs",
    "feb", "jan", "jul", "jun", "mar",  "no", "nos",  "nov", "oct", "op",  "p",
    "pp",  "pt",  "sec", "sep", "sept", "v",  "ver",  "vol", "vols"};
// They may end a sentence; that they did shows in the next word.
constexpr std::string_view kMaybeLast[] = {"al", "ave", "bros", "co", "corp", "dept", "esq", "inc",
                                           "jr", "ltd", "mt",   "rd", "sr",   "st",   "univ"};
constexpr std::string_view kSentenceStarters[] = {
    "a",    "after", "all",   "an",    "and",   "as",   "at",   "but",   "for",  "from", "he",
    "her",  "his",   "how",   "i",     "if",    "in",   "it",   "its",   "many", "most", "my",
    "no",   "not",   "on",    "one",   "our",   "see",  "she",  "so",    "some", "such", "that",
    "the",  "their", "then",  "there", "these", "they", "this", "those", "thus", "to",   "we",
    "what", "when",  "where", "which", "while", "who",  "why",  "with",  "yet",  "you"};

template <std::size_t N>
bool is_among(const std::string_view (&words)[N], std::string_view word) {
  return std::find(std::begin(words), std::end(words), word) != std::end(words);
}

bool is_terminator(char32_t code) {
  return code == '.' || code == '!' || code == '?' || code == 0x2026;
}
bool is_closer(char32_t code) {
  constexpr std::u32string_view kClosers = U")]}'\"\u2019\u201D\u00BB";
  return kClosers.find(code) != std::u32string_view::npos;
}
// Whether the full stop behind `word`, the last of a would-be sentence, ends it before `next`.
bool stop_ends_sentence(std::string_view word, bool word_is_all, std::string_view next) {
  const std::string lowered = ascii_lower(word);
  if (word_is_all && is_number(word)) return false;
  if (is_among(kNeverLast, lowered)) return false;
  if (is_among(kBeforeNumber, lowered) && is_number(next)) return false;
  const bool is_initial = count_characters(word) == 1 && !is_number(word);
  if (!is_initial && !is_acronym(word) && !is_among(kMaybeLast, lowered)) return true;
  // A letter on its own after an initial is another initial: "J. A. Smith".
  if (is_initial && next.size() == 1) return false;
  return is_among(kSentenceStarters, ascii_lower(next));
}

// Whether a sentence that ends at `end`, its closers included, can be followed by what stands
// there.
bool can_follow(std::string_view text, std::size_t next_begin) {
  if (next_begin >= text.size()) return false;
  const char32_t first = decode_utf8(text.substr(next_begin)).code;
  return !is_lower_case(first) && !is_dash(first) && !is_terminator(first);
}

std::size_t next_terminator(std::string_view text, std::size_t position) {
  constexpr std::string_view kEllipsis = "\xE2\x80\xA6";
  for (; position < text.size(); ++position) {
    const char byte = text[position];
    if (byte == '.' || byte == '!' || byte == '?') break;
    if (byte == kEllipsis[0] && text.substr(position).starts_with(kEllipsis)) break;
  }
  return position;
}

}  // namespace

std::size_t english_sentence_end(std::string_view text) {
  std::size_t position = 0;
  while (position < text.size()) {
    const std::size_t stop = next_terminator(text, position);
    if (stop == text.size()) break;
    const std::size_t run_end = skip(text, stop, is_terminator);
    const std::size_t end = skip_note_mark(text, skip(text, run_end, is_closer));
    position = end;
    const std::size_t next = skip(text, end, is_whitespace);
    if (next == end) continue;
    const std::size_t next_word = skip(text, next, is_opener);
    if (!can_follow(text, next_word)) continue;
    const bool is_single_stop = text[stop] == '.' && run_end == stop + 1 && end == run_end;
    if (!is_single_stop) return end;
    const std::string_view word = word_before(text, stop);
    const bool word_is_all = word.data() == text.data();
    if (stop_ends_sentence(word, word_is_all, word_after(text, next_word))) return end;
  }
  return text.size();
}

}  // namespace bertyard
