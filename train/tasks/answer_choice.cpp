// SPDX-License-Identifier: Apache-2.0
#include "train/tasks/answer_choice.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

namespace bertyard {
namespace {

struct Candidate {
  std::size_t window = 0, first = 0, last = 0;  // tokens of the window's part of the context
  double start = 0, end = 0;
  double score() const { return start + end; }
};

// What the windows of one question say.
class Question {
 public:
  Question(const TaskSet& set, const TaskOptions& options, const TaskOutputs& outputs)
      : set_(set), options_(options), outputs_(outputs) {}

  void add_window(std::size_t w) {
    const AnswerWindow& window = set_.answer_windows()[w];
    const std::span<const double> logits = outputs_.of(w);
    const double null_score = logits[0] + logits[1];
    if (!has_null_ || null_score < null_.score()) null_ = {w, 0, 0, logits[0], logits[1]};
    has_null_ = true;
    const std::vector<std::size_t> starts = best_tokens(logits, 0), ends = best_tokens(logits, 1);
    for (const std::size_t s : starts) {
      for (const std::size_t e : ends) add_candidate(window, w, s, e, logits);
    }
  }

  AnswerPrediction choose() {
    std::stable_sort(candidates_.begin(), candidates_.end(),
                     [](const auto& a, const auto& b) { return a.score() > b.score(); });
    AnswerPrediction prediction;
    std::set<std::string> seen;
    const auto wanted = static_cast<std::size_t>(options_.n_best);
    for (const Candidate& candidate : candidates_) {
      if (prediction.ranked.size() >= wanted) break;
      std::string text = text_of(candidate);
      if (!seen.insert(text).second) continue;
      prediction.ranked.push_back({std::move(text), 0, candidate.start, candidate.end});
    }
    if (prediction.ranked.empty()) prediction.ranked.push_back({"", 0, 0, 0});
    prediction.null_odds = null_.score() - prediction.ranked.front().score();
    if (set_.examples().version_2) {
      prediction.ranked.push_back({"", 0, null_.start, null_.end});
      std::stable_sort(prediction.ranked.begin(), prediction.ranked.end(),
                       [](const auto& a, const auto& b) { return a.score() > b.score(); });
    }
    add_probabilities(prediction.ranked);
    return prediction;
  }

 private:
  // Positions of the window with the greatest logits, start (0) or end (1).
  std::vector<std::size_t> best_tokens(std::span<const double> logits, std::size_t which) const {
    std::vector<std::size_t> order(logits.size() / 2);
    std::iota(order.begin(), order.end(), std::size_t{0});
    const std::size_t count = std::min(order.size(), static_cast<std::size_t>(options_.n_best));
    std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count),
                      order.end(), [&](std::size_t a, std::size_t b) {
                        const double x = logits[2 * a + which], y = logits[2 * b + which];
                        return x > y || (x == y && a < b);
                      });
    order.resize(count);
    return order;
  }
  void add_candidate(const AnswerWindow& window, std::size_t w, std::size_t s, std::size_t e,
                     std::span<const double> logits) {
    const std::size_t first = window.first_token, end = first + window.spans.size();
    if (s < first || e < s || e >= end) return;
    if (e - s + 1 > static_cast<std::size_t>(options_.max_answer)) return;
    if (window.is_best[s - first] == 0) return;
    candidates_.push_back({w, s - first, e - first, logits[2 * s], logits[2 * e + 1]});
  }
  std::string text_of(const Candidate& candidate) const {
    const AnswerWindow& window = set_.answer_windows()[candidate.window];
    const std::string& context = *set_.examples().answers[window.example].context;
    const std::uint32_t begin = window.spans[candidate.first].begin;
    return context.substr(begin, window.spans[candidate.last].end - begin);
  }
  static void add_probabilities(std::vector<RankedAnswer>& ranked) {
    double greatest = ranked.front().score(), sum = 0;
    for (const RankedAnswer& answer : ranked) greatest = std::max(greatest, answer.score());
    for (const RankedAnswer& answer : ranked) sum += std::exp(answer.score() - greatest);
    for (RankedAnswer& answer : ranked) {
      answer.probability = std::exp(answer.score() - greatest) / sum;
    }
  }

  const TaskSet& set_;
  const TaskOptions& options_;
  const TaskOutputs& outputs_;
  std::vector<Candidate> candidates_;
  Candidate null_;
  bool has_null_ = false;
};

}  // namespace

const RankedAnswer& AnswerPrediction::best() const {
  const auto found = std::find_if(ranked.begin(), ranked.end(),
                                  [](const RankedAnswer& answer) { return !answer.text.empty(); });
  return found == ranked.end() ? ranked.front() : *found;
}

std::vector<AnswerPrediction> choose_answers(const TaskSet& set, const TaskOptions& options,
                                             const TaskOutputs& outputs) {
  std::vector<AnswerPrediction> predictions;
  const std::vector<AnswerWindow>& windows = set.answer_windows();
  std::size_t w = 0;
  for (std::size_t example = 0; example < set.examples().answers.size(); ++example) {
    Question question(set, options, outputs);
    for (; w < windows.size() && windows[w].example == example; ++w) question.add_window(w);
    predictions.push_back(question.choose());
  }
  return predictions;
}

}  // namespace bertyard
