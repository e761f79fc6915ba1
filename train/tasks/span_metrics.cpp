// SPDX-License-Identifier: Apache-2.0
#include "train/tasks/span_metrics.h"

#include <string_view>

#include <fmt/format.h>

#include "core/base/error.h"

namespace bertyard {
namespace {

struct Label {
  char tag = 'O';
  std::string_view type;
};

// "B-NP"; one without a hyphen has no type. L and U of BILOU are IOBES's E and S.
Label parse(std::string_view label) {
  if (label.empty() || label == "O") return {};
  const char tag = label[0] == 'L' ? 'E' : label[0] == 'U' ? 'S' : label[0];
  const std::size_t hyphen = label.find('-');
  return {tag, hyphen == std::string_view::npos ? std::string_view() : label.substr(hyphen + 1)};
}

// conlleval.pl's endOfChunk and startOfChunk: whether a phrase ends before, or starts at, `now`.
bool ends_before(const Label& before, const Label& now) {
  if (before.tag == 'E' || before.tag == 'S') return true;
  if ((before.tag == 'B' || before.tag == 'I') &&
      (now.tag == 'B' || now.tag == 'S' || now.tag == 'O')) {
    return true;
  }
  return before.tag != 'O' && before.type != now.type;
}

bool starts_at(const Label& before, const Label& now) {
  if (now.tag == 'B' || now.tag == 'S') return true;
  const bool after_end = before.tag == 'E' || before.tag == 'S' || before.tag == 'O';
  if (after_end && (now.tag == 'E' || now.tag == 'I')) return true;
  return now.tag != 'O' && before.type != now.type;
}

// Walks through one sequence as conlleval does, word by word.
class Comparison {
 public:
  explicit Comparison(SpanReport& report) : report_(report) {}

  void add(const Label& gold, const Label& found) {
    const bool gold_ends = ends_before(gold_, gold), found_ends = ends_before(found_, found);
    if (in_correct_) {
      if (gold_ends && found_ends && found_.type == gold_.type) {
        finish_correct();
      } else if (gold_ends != found_ends || gold.type != found.type) {
        in_correct_ = false;
      }
    }
    const bool gold_starts = starts_at(gold_, gold), found_starts = starts_at(found_, found);
    if (gold_starts && found_starts && gold.type == found.type) in_correct_ = true;
    if (gold_starts) ++report_.all.gold, ++report_.types[std::string(gold.type)].gold;
    if (found_starts) ++report_.all.found, ++report_.types[std::string(found.type)].found;
    gold_ = gold;
    found_ = found;
  }
  // A boundary stands between sequences.
  void end() { add({}, {}); }

 private:
  void finish_correct() {
    in_correct_ = false;
    ++report_.all.correct;
    ++report_.types[std::string(gold_.type)].correct;
  }

  SpanReport& report_;
  Label gold_, found_;
  bool in_correct_ = false;
};

double percent(std::int64_t part, std::int64_t whole) {
  return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

double SpanCounts::precision() const {
  return percent(correct, found);
}
double SpanCounts::recall() const {
  return percent(correct, gold);
}
double SpanCounts::f1() const {
  const double p = precision(), r = recall();
  return p + r == 0 ? 0.0 : 2 * p * r / (p + r);
}
double SpanReport::accuracy() const {
  return percent(correct_tokens, tokens);
}

SpanReport compare_spans(const std::vector<LabelSequence>& gold,
                         const std::vector<LabelSequence>& found) {
  BERTYARD_CHECK(gold.size() == found.size(), "span metric: as many sequences in both expected");
  SpanReport report;
  for (std::size_t i = 0; i < gold.size(); ++i) {
    BERTYARD_CHECK(gold[i].size() == found[i].size(),
                   fmt::format("span metric: sequence {} has {} labels and {} predictions", i,
                               gold[i].size(), found[i].size()));
    Comparison comparison(report);
    for (std::size_t t = 0; t < gold[i].size(); ++t) {
      comparison.add(parse(gold[i][t]), parse(found[i][t]));
      ++report.tokens;
      report.correct_tokens += gold[i][t] == found[i][t] ? 1 : 0;
    }
    comparison.end();
  }
  return report;
}

std::string conlleval_text(const SpanReport& report) {
  const auto line = [](const SpanCounts& counts) {
    return fmt::format("precision: {:6.2f}%; recall: {:6.2f}%; FB1: {:6.2f}",
                       100 * counts.precision(), 100 * counts.recall(), 100 * counts.f1());
  };
  std::string text =
      fmt::format("processed {} tokens with {} phrases; found: {} phrases; correct: {}.\n",
                  report.tokens, report.all.gold, report.all.found, report.all.correct);
  text += fmt::format("accuracy: {:6.2f}%; {}\n", 100 * report.accuracy(), line(report.all));
  for (const auto& [type, counts] : report.types) {
    text += fmt::format("{:>17}: {}  {}\n", type, line(counts), counts.found);
  }
  return text;
}

}  // namespace bertyard
