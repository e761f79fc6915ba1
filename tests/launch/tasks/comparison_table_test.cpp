// SPDX-License-Identifier: Apache-2.0
#include "launch/tasks/comparison_table.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace bertyard {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// BERT has both tasks, GPT the first alone.
ComparisonTable two_systems() {
  ComparisonTable table;
  table.seeds = {1, 2};
  table.tasks = {{"words", "accuracy", ""}, {"names", "span_f1", ""}};
  table.rows.push_back(
      {"BERT",
       {"bidirectional model, runs/bert", 4000000, 100, 5000, 61},
       {ComparedScore{"lr 1", {0.8, 0.9}, {}}, ComparedScore{"lr 2", {0.5, 0.3}, {}}}});
  table.rows.push_back({"GPT",
                        {"causal model, runs/gpt", 3900000, 100, 5010, 60},
                        {ComparedScore{"lr 1", {0.7, 0.7}, {}}, std::nullopt}});
  return table;
}

TEST(ComparisonTableTest, MeanAndSampleDeviation) {
  const MeanAndSpread value = mean_and_spread({0.2, 0.4, 0.9});

  EXPECT_DOUBLE_EQ(value.mean, 0.5);
  EXPECT_DOUBLE_EQ(value.deviation, std::sqrt((0.09 + 0.01 + 0.16) / 2));
  EXPECT_EQ(mean_and_spread({0.3}).deviation, 0);
}

TEST(ComparisonTableTest, TheAverageIsOverTasksThatAllHave) {
  const ComparisonTable table = two_systems();

  EXPECT_THAT(table.common_tasks(), ElementsAre(0u));
  EXPECT_DOUBLE_EQ(average_of(table.rows[0], {0}).mean, 0.85);
  // Seed 1: (0.8 + 0.5) / 2, seed 2: (0.9 + 0.3) / 2.
  EXPECT_DOUBLE_EQ(average_of(table.rows[0], {0, 1}).mean, 0.625);
  EXPECT_NEAR(average_of(table.rows[0], {0, 1}).deviation, 0.05 / std::sqrt(2.0), 1e-12);
}

// "words" is SST-2, "names" stands for MRPC with F1 and accuracy, "again" SST-2 once more.
ComparisonTable glue_systems() {
  ComparisonTable table;
  table.seeds = {1};
  table.tasks = {{"words", "accuracy", "sst2"}, {"names", "f1", "mrpc"}, {"again", "f1", "sst2"}};
  table.rows.push_back({"BERT",
                        {},
                        {ComparedScore{"lr 1", {0.8}, {0.8}}, ComparedScore{"lr 2", {0.9}, {0.7}},
                         ComparedScore{"lr 1", {0.1}, {0.1}}}});
  return table;
}

TEST(ComparisonTableTest, GlueHasAColumnBesideTheAverage) {
  const ComparisonTable table = glue_systems();
  const auto json = nlohmann::json::parse(comparison_json(table));

  EXPECT_THAT(table.glue_tasks(), ElementsAre(0u, 1u));
  EXPECT_DOUBLE_EQ(glue_of(table.rows[0], {0, 1}).mean, 0.75);
  EXPECT_DOUBLE_EQ(average_of(table.rows[0], {0, 1, 2}).mean, 0.6);
  EXPECT_THAT(comparison_text(table), HasSubstr("GLUE over 2 of 9"));
  EXPECT_THAT(comparison_text(table),
              HasSubstr("GLUE over 2 of 9, as its leaderboard counts: sst2, mrpc."));
  EXPECT_THAT(comparison_markdown(table), HasSubstr("| average | GLUE over 2 of 9 |\n"));
  EXPECT_EQ(json["glue_over"], nlohmann::json({"sst2", "mrpc"}));
  EXPECT_DOUBLE_EQ(json["systems"][0]["glue"]["mean"], 0.75);
  EXPECT_EQ(nlohmann::json::parse(comparison_json(two_systems()))["glue_over"].size(), 0u);
}

TEST(ComparisonTableTest, TextForTheTerminal) {
  EXPECT_EQ(comparison_text(two_systems()),
            R"(  system  words accuracy   names span_f1        average
  BERT     85.00 +- 7.07  40.00 +- 14.14  85.00 +- 7.07
  GPT      70.00 +- 0.00               -  70.00 +- 0.00
  Mean and sample standard deviation over 2 seeds (1, 2). Average over 1 of 2 tasks: words.
  BERT: bidirectional model, runs/bert, 4,000,000 parameters, pre-trained for 100 steps on 5,000 tokens in 1m 01s
  GPT: causal model, runs/gpt, 3,900,000 parameters, pre-trained for 100 steps on 5,010 tokens in 1m 00s
)");
}

TEST(ComparisonTableTest, Markdown) {
  EXPECT_THAT(comparison_markdown(two_systems()),
              HasSubstr(R"(| system | words (accuracy) | names (span_f1) | average |
|---|---:|---:|---:|
| BERT | 85.00 ± 7.07 | 40.00 ± 14.14 | 85.00 ± 7.07 |
| GPT | 70.00 ± 0.00 | - | 70.00 ± 0.00 |

Scores in percent. Mean)"));
}

TEST(ComparisonTableTest, Json) {
  const auto json = nlohmann::json::parse(comparison_json(two_systems()));

  EXPECT_EQ(json["average_over"], nlohmann::json({"words"}));
  EXPECT_EQ(json["systems"][0]["scores"]["names"]["by_seed"], nlohmann::json({0.5, 0.3}));
  EXPECT_EQ(json["systems"][0]["scores"]["names"]["setting"], "lr 2");
  EXPECT_FALSE(json["systems"][1]["scores"].contains("names"));
  EXPECT_DOUBLE_EQ(json["systems"][1]["average"]["mean"], 0.7);
  EXPECT_EQ(json["systems"][1]["tokens"], 5010);
}

TEST(ComparisonTableTest, SaysWhoIsNotTrainedYet) {
  ComparisonTable table = two_systems();
  table.rows[0].facts = {};

  EXPECT_THAT(comparison_text(table), HasSubstr(table.rows[0].system + ": not trained yet\n"));
}

TEST(ComparisonTableTest, SaysWhereTheBudgetsDiffer) {
  ComparisonTable table = two_systems();
  EXPECT_THAT(comparison_text(table), Not(HasSubstr("different numbers of tokens")));

  table.rows[1].facts.tokens = 5100;

  EXPECT_THAT(comparison_text(table),
              HasSubstr("The systems were pre-trained on different numbers of tokens"));
}

TEST(ComparisonTableTest, WithoutACommonTaskThereIsNoAverage) {
  ComparisonTable table = two_systems();
  table.rows[1].scores[0].reset();
  table.seeds = {7};

  const std::string text = comparison_text(table);

  EXPECT_THAT(text, HasSubstr("One seed (7), so no spread. No average: there is no task that all"));
  EXPECT_FALSE(nlohmann::json::parse(comparison_json(table))["systems"][0].contains("average"));
}

}  // namespace
}  // namespace bertyard
