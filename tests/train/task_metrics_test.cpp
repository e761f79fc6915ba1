// SPDX-License-Identifier: Apache-2.0
// Hand-worked cases for every metric, and conlleval's own example to the last digit.
#include <cmath>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/test_data.h"
#include "train/tasks/answer_metrics.h"
#include "train/tasks/glue_score.h"
#include "train/tasks/label_metrics.h"
#include "train/tasks/span_metrics.h"
#include "train/tasks/task_scores.h"

namespace bertyard {
namespace {

const std::vector<int> kGold{1, 1, 1, 0, 0, 0, 1, 0};
const std::vector<int> kFound{1, 0, 1, 0, 1, 0, 1, 0};  // 3 right of 4 in each class

TEST(LabelMetrics, TwoClassesByHand) {
  EXPECT_DOUBLE_EQ(accuracy(kGold, kFound), 0.75);
  EXPECT_DOUBLE_EQ(f1_of(kGold, kFound, 1), 0.75);  // precision 3/4, recall 3/4
  EXPECT_DOUBLE_EQ(macro_f1(kGold, kFound), 0.75);
  EXPECT_DOUBLE_EQ(matthews(kGold, kFound), 0.5);  // (3 3 - 1 1) / 4^2
}

TEST(LabelMetrics, ThreeClassesByHand) {
  const std::vector<int> gold{0, 0, 1, 1, 2, 2}, found{0, 1, 1, 1, 2, 0};

  // F1: 0: 2*1/(2+2), 1: 2*2/(2+3), 2: 2*1/(2+1)
  EXPECT_NEAR(macro_f1(gold, found), (0.5 + 0.8 + 2.0 / 3) / 3, 1e-15);
  // (4*6 - (2*2 + 2*3 + 2*1)) / sqrt((36 - 14) (36 - 12))
  EXPECT_NEAR(matthews(gold, found), 12 / std::sqrt(22.0 * 24.0), 1e-15);
}

TEST(LabelMetrics, OneClassForAllHasNoCorrelation) {
  const std::vector<int> ones(8, 1);

  EXPECT_EQ(matthews(kGold, ones), 0);
  EXPECT_DOUBLE_EQ(f1_of(kGold, ones, 1), 8.0 / 12);
  EXPECT_EQ(f1_of(ones, ones, 0), 0);
}

TEST(LabelMetrics, CorrelationsByHand) {
  const std::vector<double> a{1, 2, 3}, b{2, 4, 7};
  // Ranks 1, 2.5, 2.5, 4 and 1, 4, 2.5, 2.5: products 2.25, squares 4.5 each.
  const std::vector<double> ties{1, 2, 2, 4}, other{10, 30, 20, 20};

  EXPECT_NEAR(pearson(a, b), 5 / std::sqrt(2 * 114.0 / 9), 1e-15);
  EXPECT_DOUBLE_EQ(spearman(a, b), 1);
  EXPECT_DOUBLE_EQ(spearman(ties, other), 0.5);
  EXPECT_EQ(pearson(a, std::vector<double>{3, 3, 3}), 0);
}

TEST(LabelMetrics, WhatIsNotFiniteHasNoCorrelation) {
  const std::vector<double> a{1, 2, 3};

  for (const double odd : {std::nan(""), HUGE_VAL, -HUGE_VAL}) {
    const std::vector<double> b{2, odd, odd};
    EXPECT_EQ(pearson(a, b), 0);
    EXPECT_EQ(spearman(a, b), 0);
    EXPECT_EQ(spearman(b, a), 0);
  }
}

using Tags = LabelSequence;

TEST(SpanMetrics, SchemesMeanTheSamePhrases) {
  const Tags bio{"B-A", "I-A", "B-A", "O", "B-B"};
  const Tags iob1{"I-A", "I-A", "B-A", "O", "I-B"};
  const Tags iobes{"B-A", "E-A", "S-A", "O", "S-B"};

  for (const Tags& tags : {iob1, iobes}) {
    const SpanReport report = compare_spans({bio}, {tags});
    EXPECT_EQ(report.all.gold, 3);
    EXPECT_EQ(report.all.found, 3);
    EXPECT_EQ(report.all.correct, 3);
  }
}

TEST(SpanMetrics, APhraseIsRightOnlyWithBothEndsAndTheType) {
  const SpanReport report =
      compare_spans({{"B-A", "I-A", "O", "B-B"}, {"B-A"}}, {{"B-A", "O", "O", "B-A"}, {"B-A"}});

  EXPECT_EQ(report.all.gold, 3);
  EXPECT_EQ(report.all.found, 3);
  EXPECT_EQ(report.all.correct, 1);
  EXPECT_EQ(report.tokens, 5);
  EXPECT_EQ(report.correct_tokens, 3);
  EXPECT_DOUBLE_EQ(report.all.f1(), 1.0 / 3);
}

TEST(SpanMetrics, PhrasesDoNotCrossSentences) {
  EXPECT_EQ(compare_spans({{"B-A"}, {"I-A"}}, {{"B-A"}, {"I-A"}}).all.gold, 2);
}

TEST(SpanMetrics, ConllevalsExampleToTheLastDigit) {
  BERTYARD_REQUIRE_TEST_DATA("metrics/seqeval_ground_truth.txt");
  std::ifstream file(testing::test_data() / "metrics/seqeval_ground_truth.txt");
  std::vector<Tags> gold(1), found(1);
  for (std::string line; std::getline(file, line);) {
    std::istringstream cells(line);
    std::vector<std::string> words;
    for (std::string word; cells >> word;) words.push_back(word);
    if (words.size() < 3) {
      gold.emplace_back();
      found.emplace_back();
      continue;
    }
    gold.back().push_back(words[words.size() - 2]);
    found.back().push_back(words.back());
  }

  const SpanReport report = compare_spans(gold, found);

  EXPECT_EQ(report.tokens, 961);
  EXPECT_EQ(report.all.gold, 459);
  EXPECT_EQ(report.all.found, 539);
  EXPECT_EQ(report.all.correct, 371);
  const auto shown = [](double value) { return fmt::format("{:.2f}", 100 * value); };
  EXPECT_EQ(shown(report.accuracy()), "84.08");
  EXPECT_EQ(shown(report.all.precision()), "68.83");
  EXPECT_EQ(shown(report.all.recall()), "80.83");
  EXPECT_EQ(shown(report.all.f1()), "74.35");
  EXPECT_EQ(shown(report.types.at("NP").f1()), "71.16");
  EXPECT_EQ(shown(report.types.at("PP").f1()), "90.36");
  EXPECT_EQ(shown(report.types.at("VP").f1()), "73.80");
  EXPECT_EQ(shown(report.types.at("ADVP").f1()), "52.63");
  EXPECT_EQ(shown(report.types.at("SBAR").f1()), "44.44");
  EXPECT_EQ(shown(report.types.at("ADJP").f1()), "0.00");
  EXPECT_THAT(conlleval_text(report),
              ::testing::StartsWith("processed 961 tokens with 459 phrases; found: 539 phrases; "
                                    "correct: 371.\naccuracy:  84.08%; precision:  68.83%; recall: "
                                    " 80.83%; FB1:  74.35\n"));
}

TEST(AnswerMetrics, NormalisesAsSquadsScript) {
  EXPECT_EQ(normalize_answer("The  Quick, brown fox's!"), "quick brown foxs");
  EXPECT_EQ(normalize_answer("a theory of an-other"), "theory of another");
  EXPECT_EQ(normalize_answer("\u00C9t\u00E9 \u2014 the end"), "\u00E9t\u00E9 \u2014 end");
  EXPECT_EQ(normalize_answer("The"), "");
}

TEST(AnswerMetrics, SquadByHand) {
  const AnswerScore score =
      squad_score("the quick brown fox", {"a slow dog", "quick red fox"}, SquadVersion::one);

  EXPECT_EQ(score.exact, 0);
  EXPECT_DOUBLE_EQ(score.f1, 2.0 / 3);  // two of three words, both ways
  EXPECT_EQ(squad_score("Fox!", {"the fox"}, SquadVersion::one).exact, 1);
  // A word counts as often as it stands in both.
  EXPECT_DOUBLE_EQ(squad_score("x x x", {"x y"}, SquadVersion::one).f1,
                   2 * (1.0 / 3) * 0.5 / (5.0 / 6));
}

TEST(AnswerMetrics, NoAnswerIsRightOnlyInVersionTwo) {
  EXPECT_EQ(squad_score("", {}, SquadVersion::two).f1, 1);
  EXPECT_EQ(squad_score("fox", {}, SquadVersion::two).f1, 0);
  EXPECT_EQ(squad_score("", {}, SquadVersion::one).f1, 0);
}

TEST(AnswerMetrics, BestNullThresholdByHand) {
  // An answer that is right, a question without one, an answer half right.
  const NullThreshold best = best_null_threshold({{0.5, true, 2}, {1, true, -3}, {0.3, false, -1}});

  EXPECT_DOUBLE_EQ(best.score, 2.0 / 3);  // the first answered, the other without: 1 + 1 + 0
  EXPECT_EQ(best.threshold, -3);
}

// Odds are differences of logits: "answer nothing" is below the lowest, not at 0.
TEST(AnswerMetrics, NullThresholdOfAnsweringNothing) {
  const std::vector<NullDecision> questions{{0, false, -4}, {0, false, -2}, {0.5, true, -1}};

  const NullThreshold best = best_null_threshold(questions);

  EXPECT_DOUBLE_EQ(best.score, 2.0 / 3);
  for (const NullDecision& question : questions) EXPECT_GT(question.null_odds, best.threshold);
}

TEST(AnswerMetrics, CmrcByHand) {
  // 北京 of 北京大学: all of two characters, half of four.
  const AnswerScore part = cmrc_score("北京", {"北京大学"});
  EXPECT_EQ(part.exact, 0);
  EXPECT_DOUBLE_EQ(part.f1, 2.0 / 3);
  EXPECT_EQ(cmrc_score("北京，大学。", {"北京大学"}).exact, 1);
  // Words between Chinese stay whole: the run "iphone 手" of found and gold has two parts.
  EXPECT_DOUBLE_EQ(cmrc_score("iPhone手机", {"iphone手"}).f1, 2 * (2.0 / 3) / (2.0 / 3 + 1));
  // Only a common run counts, not scattered characters.
  EXPECT_DOUBLE_EQ(cmrc_score("甲乙丙", {"甲丁丙"}).f1, 1.0 / 3);
}

// The script's own figures, with NLTK 3.10.
TEST(AnswerMetrics, CmrcCutsWhatIsNotChineseAsNltk) {
  struct Case {
    const char* found;
    const char* gold;
    double f1;
  };
  for (const Case& one : {Case{"1,000人", "1,000", 2.0 / 3}, Case{"50%", "50", 2.0 / 3},
                          Case{"3.5米", "3.5米高", 0.8}, Case{"$3.88", "3.88", 2.0 / 3},
                          Case{"2008年3月", "2008年", 2.0 / 3}, Case{"it's 好", "it 好", 0.4},
                          Case{"A (b) 中", "a 中", 2.0 / 7}, Case{"「C++」语言", "c语言", 1}}) {
    EXPECT_DOUBLE_EQ(cmrc_score(one.found, {one.gold}).f1, one.f1) << one.found;
  }
}

TEST(GlueScore, CountsAsTheLeaderboard) {
  const std::map<std::string, double> figures{
      {"accuracy", 0.5}, {"f1", 0.7},         {"matthews", 0.2},    {"pearson", 0.8},
      {"spearman", 0.6}, {"accuracy_m", 0.9}, {"accuracy_mm", 0.7}, {"macro_f1", 0.1}};

  EXPECT_DOUBLE_EQ(*glue_score("mrpc", figures), 0.6);
  EXPECT_DOUBLE_EQ(*glue_score("qqp", figures), 0.6);
  EXPECT_DOUBLE_EQ(*glue_score("stsb", figures), 0.7);
  EXPECT_DOUBLE_EQ(*glue_score("mnli", figures), 0.8);
  EXPECT_DOUBLE_EQ(*glue_score("mnli", {{"accuracy_mm", 0.7}}), 0.7);
  EXPECT_DOUBLE_EQ(*glue_score("cola", figures), 0.2);
  for (const char* task : {"sst2", "qnli", "rte", "wnli"}) {
    EXPECT_DOUBLE_EQ(*glue_score(task, figures), 0.5);
  }
  EXPECT_FALSE(glue_score("mine", figures));
  EXPECT_FALSE(glue_score("cola", {{"accuracy", 0.5}}));
}

TEST(TaskScores, AThresholdIsNoPercentage) {
  EXPECT_EQ(figure_text("f1", 0.8125), "81.25");
  EXPECT_EQ(figure_text(kNullThreshold, -1.5), "-1.50");
}

TEST(Viterbi, FindsTheBestPathOfAll) {
  const CrfTable crf{{0.5, -1, 2, 0.1}, {0.2, 0}, {-0.3, 0.4}};
  const std::vector<double> emissions{1, 0.8, -0.5, 0.9, 0.3, 0.2};
  double best = -1e9;
  std::vector<int> expected;
  for (int code = 0; code < 8; ++code) {
    const std::vector<int> path{code & 1, code >> 1 & 1, code >> 2 & 1};
    double score =
        crf.start[static_cast<std::size_t>(path[0])] + crf.end[static_cast<std::size_t>(path[2])];
    for (std::size_t t = 0; t < 3; ++t) {
      score += emissions[2 * t + static_cast<std::size_t>(path[t])];
      if (t > 0) score += crf.transitions[static_cast<std::size_t>(2 * path[t - 1] + path[t])];
    }
    if (score > best) {
      best = score;
      expected = path;
    }
  }

  EXPECT_EQ(viterbi(emissions, crf), expected);
}

}  // namespace
}  // namespace bertyard
