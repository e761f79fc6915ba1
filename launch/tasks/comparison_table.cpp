// SPDX-License-Identifier: Apache-2.0
#include "launch/tasks/comparison_table.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "launch/console/text_table.h"
#include "train/journal/console.h"
#include "train/tasks/glue_score.h"

namespace bertyard {
namespace {

using Json = nlohmann::ordered_json;

std::string percent(const MeanAndSpread& value, const char* plus_minus) {
  return fmt::format("{:.2f} {} {:.2f}", 100 * value.mean, plus_minus, 100 * value.deviation);
}

std::vector<std::string> cells_of(const ComparisonTable& table, const ComparisonTable::Row& row,
                                  const char* plus_minus) {
  std::vector<std::string> cells{row.system};
  for (const auto& score : row.scores) {
    cells.push_back(score ? percent(mean_and_spread(score->scores), plus_minus) : "-");
  }
  const std::vector<std::size_t> common = table.common_tasks();
  cells.push_back(common.empty() ? "-" : percent(average_of(row, common), plus_minus));
  const std::vector<std::size_t> glue = table.glue_tasks();
  if (!glue.empty()) cells.push_back(percent(glue_of(row, glue), plus_minus));
  return cells;
}

// Heading of the column; empty where there is none.
std::string glue_title(const ComparisonTable& table) {
  const std::size_t tasks = table.glue_tasks().size();
  return tasks == 0 ? "" : fmt::format("GLUE over {} of {}", tasks, kGlueTasks);
}

// Over the seeds, of each seed's mean over the tasks.
MeanAndSpread average(const ComparisonTable::Row& row, const std::vector<std::size_t>& tasks,
                      std::vector<double> ComparedScore::*values) {
  std::vector<double> by_seed(((*row.scores[tasks.front()]).*values).size());
  for (const std::size_t task : tasks) {
    for (std::size_t seed = 0; seed < by_seed.size(); ++seed) {
      by_seed[seed] += ((*row.scores[task]).*values)[seed] / static_cast<double>(tasks.size());
    }
  }
  return mean_and_spread(by_seed);
}

// Of those that were pre-trained here.
bool have_equal_budgets(const ComparisonTable& table) {
  std::int64_t least = 0, most = 0;
  for (const ComparisonTable::Row& row : table.rows) {
    const std::int64_t tokens = row.facts.tokens;
    if (tokens == 0) continue;
    least = least == 0 ? tokens : std::min(least, tokens);
    most = std::max(most, tokens);
  }
  return static_cast<double>(most) <= 1.01 * static_cast<double>(least);
}

std::string notes(const ComparisonTable& table) {
  std::vector<std::string> names;
  for (const std::size_t task : table.common_tasks()) names.push_back(table.tasks[task].name);
  const bool one = table.seeds.size() == 1;
  std::string text = one ? fmt::format("One seed ({}), so no spread. ", table.seeds.front())
                         : fmt::format("Mean and sample standard deviation over {} seeds ({}). ",
                                       table.seeds.size(), fmt::join(table.seeds, ", "));
  text += names.empty() ? std::string("No average: there is no task that all systems have.")
                        : fmt::format("Average over {} of {} tasks: {}.", names.size(),
                                      table.tasks.size(), fmt::join(names, ", "));
  if (const std::string title = glue_title(table); !title.empty()) {
    std::vector<std::string> sets;
    for (const std::size_t task : table.glue_tasks()) sets.push_back(table.tasks[task].glue);
    text += fmt::format(" {}, as its leaderboard counts: {}.", title, fmt::join(sets, ", "));
  }
  if (!have_equal_budgets(table)) {
    text += " The systems were pre-trained on different numbers of tokens: see below.";
  }
  return text;
}

std::string facts_text(const ComparisonTable::Row& row) {
  const SystemFacts& facts = row.facts;
  std::string text =
      fmt::format("{}: {}", row.system, facts.model.empty() ? "not trained yet" : facts.model);
  if (facts.parameters > 0) text += fmt::format(", {} parameters", grouped(facts.parameters));
  if (facts.steps > 0) {
    text += fmt::format(", pre-trained for {} steps on {} tokens in {}", grouped(facts.steps),
                        grouped(facts.tokens), duration_text(facts.seconds));
  }
  return text;
}

}  // namespace

std::vector<std::size_t> ComparisonTable::common_tasks() const {
  std::vector<std::size_t> common;
  for (std::size_t task = 0; task < tasks.size(); ++task) {
    const bool all = std::all_of(rows.begin(), rows.end(),
                                 [task](const Row& row) { return row.scores[task].has_value(); });
    if (all) common.push_back(task);
  }
  return common;
}

std::vector<std::size_t> ComparisonTable::glue_tasks() const {
  std::vector<std::size_t> found;
  std::set<std::string> sets;
  for (const std::size_t task : common_tasks()) {
    const bool all = std::all_of(rows.begin(), rows.end(), [task](const Row& row) {
      return !row.scores[task]->glue.empty();
    });
    if (all && sets.insert(tasks[task].glue).second) found.push_back(task);
  }
  return found;
}

MeanAndSpread mean_and_spread(const std::vector<double>& values) {
  const auto count = static_cast<double>(values.size());
  MeanAndSpread result;
  result.mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
  if (values.size() < 2) return result;
  double squares = 0;
  for (const double value : values) squares += (value - result.mean) * (value - result.mean);
  result.deviation = std::sqrt(squares / (count - 1));
  return result;
}

MeanAndSpread average_of(const ComparisonTable::Row& row, const std::vector<std::size_t>& tasks) {
  return average(row, tasks, &ComparedScore::scores);
}

MeanAndSpread glue_of(const ComparisonTable::Row& row, const std::vector<std::size_t>& tasks) {
  return average(row, tasks, &ComparedScore::glue);
}

std::string comparison_text(const ComparisonTable& table) {
  std::vector<TextTable::Column> columns{{"system"}};
  for (const ComparisonTable::Task& task : table.tasks) {
    columns.push_back({fmt::format("{} {}", task.name, task.metric), Align::right});
  }
  columns.push_back({"average", Align::right});
  if (const std::string title = glue_title(table); !title.empty()) {
    columns.push_back({title, Align::right});
  }
  TextTable text(columns);
  for (const ComparisonTable::Row& row : table.rows) text.add(cells_of(table, row, "+-"));
  std::string all = text.text() + "  " + notes(table) + "\n";
  for (const ComparisonTable::Row& row : table.rows) all += "  " + facts_text(row) + "\n";
  return all;
}

std::string comparison_markdown(const ComparisonTable& table) {
  std::string head = "| system |", line = "|---|";
  for (const ComparisonTable::Task& task : table.tasks) {
    head += fmt::format(" {} ({}) |", task.name, task.metric);
    line += "---:|";
  }
  head += " average |";
  line += "---:|";
  if (const std::string title = glue_title(table); !title.empty()) {
    head += fmt::format(" {} |", title);
    line += "---:|";
  }
  std::string text = head + "\n" + line + "\n";
  for (const ComparisonTable::Row& row : table.rows) {
    text += fmt::format("| {} |\n", fmt::join(cells_of(table, row, "±"), " | "));
  }
  text += "\nScores in percent. " + notes(table) + "\n\n";
  for (const ComparisonTable::Row& row : table.rows) text += "- " + facts_text(row) + "\n";
  return text;
}

std::string comparison_json(const ComparisonTable& table) {
  Json json;
  json["seeds"] = table.seeds;
  json["tasks"] = Json::array();
  for (const auto& task : table.tasks) {
    json["tasks"].push_back({{"name", task.name}, {"metric", task.metric}});
  }
  const std::vector<std::size_t> common = table.common_tasks();
  json["average_over"] = Json::array();
  for (const std::size_t task : common) json["average_over"].push_back(table.tasks[task].name);
  const std::vector<std::size_t> glue = table.glue_tasks();
  json["glue_over"] = Json::array();
  for (const std::size_t task : glue) json["glue_over"].push_back(table.tasks[task].glue);
  json["systems"] = Json::array();
  for (const ComparisonTable::Row& row : table.rows) {
    const SystemFacts& facts = row.facts;
    Json system{{"name", row.system},   {"model", facts.model},   {"parameters", facts.parameters},
                {"steps", facts.steps}, {"tokens", facts.tokens}, {"seconds", facts.seconds}};
    system["scores"] = Json::object();
    for (std::size_t task = 0; task < table.tasks.size(); ++task) {
      if (!row.scores[task]) continue;
      const MeanAndSpread value = mean_and_spread(row.scores[task]->scores);
      system["scores"][table.tasks[task].name] = {{"mean", value.mean},
                                                  {"deviation", value.deviation},
                                                  {"by_seed", row.scores[task]->scores},
                                                  {"setting", row.scores[task]->setting}};
    }
    if (!common.empty()) {
      const MeanAndSpread average = average_of(row, common);
      system["average"] = {{"mean", average.mean}, {"deviation", average.deviation}};
    }
    if (!glue.empty()) {
      const MeanAndSpread score = glue_of(row, glue);
      system["glue"] = {{"mean", score.mean}, {"deviation", score.deviation}};
    }
    json["systems"].push_back(std::move(system));
  }
  return json.dump(2) + "\n";
}

}  // namespace bertyard
