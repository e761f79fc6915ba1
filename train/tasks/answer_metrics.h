// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bertyard {

// How an answer agrees with the best of the accepted ones, 0 to 1 each.
struct AnswerScore {
  double exact = 0, f1 = 0;
};

// SQuAD's own normalisation: lower case, without ASCII punctuation, without a, an and the, one
// space between words.
std::string normalize_answer(std::string_view text);

// 1.1 gives 0 to an answer without a word; in 2.0 it is right where the gold one has none either.
enum class SquadVersion { one, two };
// `accepted` empty stands for a question without an answer: [""].
AnswerScore squad_score(std::string_view found, const std::vector<std::string>& accepted,
                        SquadVersion version);

// CMRC 2018's: characters of Chinese, words of what is between, without its list of punctuation; F1
// over the longest common run. What is not Chinese is cut as NLTK's word_tokenize cuts it.
AnswerScore cmrc_score(std::string_view found, const std::vector<std::string>& accepted);

// A question of SQuAD 2.0: the score of answering it, and how much higher "no answer" stands.
struct NullDecision {
  double answered = 0;  // score of the best answer
  bool has_answer = false;
  double null_odds = 0;  // null score - best score
};
// The threshold of null_odds above which no answer is given, and the mean score that it reaches:
// SQuAD 2.0's find_best_thresh.
struct NullThreshold {
  double threshold = 0, score = 0;
};
NullThreshold best_null_threshold(std::vector<NullDecision> questions);

}  // namespace bertyard
