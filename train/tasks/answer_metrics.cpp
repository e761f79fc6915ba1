// SPDX-License-Identifier: Apache-2.0
#include "train/tasks/answer_metrics.h"

#include <algorithm>
#include <map>

#include "data/text/unicode.h"
#include "data/text/utf8.h"
#include "train/tasks/nltk_words.h"
#include "train/tasks/python_text.h"

namespace bertyard {
namespace {

using Text = std::u32string;

Text decoded(std::string_view text) {
  Text codes;
  while (!text.empty()) {
    const DecodedCharacter c = decode_utf8(text);
    codes += c.code;
    text.remove_prefix(c.bytes);
  }
  return codes;
}

Text lowered(std::string_view text) {
  Text result;
  lower_case(decoded(text), result);
  return result;
}

bool is_ascii_punctuation(char32_t c) {
  return (c >= 33 && c <= 47) || (c >= 58 && c <= 64) || (c >= 91 && c <= 96) ||
         (c >= 123 && c <= 126);
}

// re.sub(r'\b(a|an|the)\b', ' ', text): a run of word characters that is an article.
Text without_articles(const Text& text) {
  Text result;
  for (std::size_t i = 0; i < text.size();) {
    std::size_t end = i;
    while (end < text.size() && is_python_word(text[end])) ++end;
    if (end == i) {
      result += text[i++];
      continue;
    }
    const Text word = text.substr(i, end - i);
    result += word == U"a" || word == U"an" || word == U"the" ? Text(U" ") : word;
    i = end;
  }
  return result;
}

std::vector<Text> normalized_words(std::string_view text) {
  Text codes = lowered(text);
  std::erase_if(codes, is_ascii_punctuation);
  return python_split(without_articles(codes));
}

double harmonic(double common, std::size_t found, std::size_t gold) {
  if (common == 0) return 0;
  const double precision = common / static_cast<double>(found);
  const double recall = common / static_cast<double>(gold);
  return 2 * precision * recall / (precision + recall);
}

AnswerScore squad_pair(std::string_view found, std::string_view gold, SquadVersion version) {
  const std::vector<Text> a = normalized_words(found), b = normalized_words(gold);
  AnswerScore score;
  score.exact = a == b ? 1 : 0;
  if (version == SquadVersion::two && (a.empty() || b.empty())) {
    score.f1 = a.empty() && b.empty() ? 1 : 0;
    return score;
  }
  std::map<Text, int> left;
  for (const Text& word : b) ++left[word];
  double common = 0;
  for (const Text& word : a) common += left[word]-- > 0 ? 1 : 0;
  score.f1 = harmonic(common, a.size(), b.size());
  return score;
}

// The script also lists "……", which is two characters and so never met.
bool is_cmrc_punctuation(char32_t c) {
  static const Text kMarks = U"-:_*^/\\~`+=，。：？！“”；’《》·、「」（）－～『』";
  return kMarks.find(c) != Text::npos;
}

Text stripped(Text text) {
  const auto keeps = [](char32_t c) { return !is_python_space(c); };
  text.erase(text.begin(), std::find_if(text.begin(), text.end(), keeps));
  text.erase(std::find_if(text.rbegin(), text.rend(), keeps).base(), text.end());
  return text;
}

Text without_cmrc_punctuation(std::string_view text) {
  Text codes = stripped(lowered(text));
  std::erase_if(codes, is_cmrc_punctuation);
  return codes;
}

// A Chinese character each; what stands between them as nltk.word_tokenize() has it.
std::vector<Text> cmrc_segments(std::string_view text) {
  std::vector<Text> segments;
  Text between;
  const auto flush = [&] {
    for (Text& word : nltk_words(between)) segments.push_back(std::move(word));
    between.clear();
  };
  for (const char32_t c : without_cmrc_punctuation(text)) {
    if (c >= 0x4E00 && c <= 0x9FA5) {
      flush();
      segments.emplace_back(1, c);
    } else {
      between += c;
    }
  }
  flush();
  return segments;
}

std::size_t longest_common_run(const std::vector<Text>& a, const std::vector<Text>& b) {
  std::vector<std::size_t> before(b.size() + 1, 0), now(b.size() + 1, 0);
  std::size_t longest = 0;
  for (const Text& segment : a) {
    for (std::size_t j = 0; j < b.size(); ++j) {
      now[j + 1] = segment == b[j] ? before[j] + 1 : 0;
      longest = std::max(longest, now[j + 1]);
    }
    std::swap(before, now);
  }
  return longest;
}

}  // namespace

std::string normalize_answer(std::string_view text) {
  std::string result;
  for (const Text& word : normalized_words(text)) {
    if (!result.empty()) result += ' ';
    append_utf8(word, result);
  }
  return result;
}

AnswerScore squad_score(std::string_view found, const std::vector<std::string>& accepted,
                        SquadVersion version) {
  AnswerScore best;
  const std::vector<std::string> none{""};
  for (const std::string& gold : accepted.empty() ? none : accepted) {
    const AnswerScore score = squad_pair(found, gold, version);
    best = {std::max(best.exact, score.exact), std::max(best.f1, score.f1)};
  }
  return best;
}

AnswerScore cmrc_score(std::string_view found, const std::vector<std::string>& accepted) {
  AnswerScore best;
  const std::vector<Text> a = cmrc_segments(found);
  for (const std::string& gold : accepted) {
    const std::vector<Text> b = cmrc_segments(gold);
    const auto common = static_cast<double>(longest_common_run(a, b));
    best.f1 = std::max(best.f1, harmonic(common, a.size(), b.size()));
    if (without_cmrc_punctuation(found) == without_cmrc_punctuation(gold)) best.exact = 1;
  }
  return best;
}

// Starts with no question answered, then answers them in the order of their odds.
NullThreshold best_null_threshold(std::vector<NullDecision> questions) {
  NullThreshold best;
  if (questions.empty()) return best;
  std::stable_sort(questions.begin(), questions.end(),
                   [](const auto& a, const auto& b) { return a.null_odds < b.null_odds; });
  double score = 0;
  for (const NullDecision& question : questions) score += question.has_answer ? 0 : 1;
  // Below all odds: the script's 0 is, for its odds are probabilities.
  best = {questions.front().null_odds - 1, score};
  for (const NullDecision& question : questions) {
    // A question without an answer that gets one is wrong, whatever the answer.
    score += question.has_answer ? question.answered : -1;
    if (score > best.score) best = {question.null_odds, score};
  }
  best.score /= static_cast<double>(questions.size());
  return best;
}

}  // namespace bertyard
