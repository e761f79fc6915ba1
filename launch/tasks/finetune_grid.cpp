// SPDX-License-Identifier: Apache-2.0
#include "launch/tasks/finetune_grid.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "launch/config/grid_value.h"
#include "launch/console/text_table.h"
#include "train/journal/console.h"
#include "train/tasks/task_scores.h"

namespace bertyard {
namespace {

using Json = nlohmann::ordered_json;

bool same_setting(const FinetuneCell& a, const FinetuneCell& b) {
  return a.learning_rate == b.learning_rate && a.batch == b.batch && a.epochs == b.epochs;
}

double main_score(const CellResult& result) {
  return result.figures.front().second;
}

std::vector<double> scores_of(const std::vector<CellResult>& results, const FinetuneCell& cell) {
  std::vector<double> scores;
  for (const CellResult& result : results) {
    if (same_setting(result.cell, cell)) scores.push_back(main_score(result));
  }
  return scores;
}

std::string setting_text(const FinetuneCell& cell) {
  return fmt::format("lr {:g}, batch {}, {:g} epochs", cell.learning_rate, cell.batch, cell.epochs);
}

Json cell_json(const CellResult& result) {
  Json json{{"lr", result.cell.learning_rate}, {"batch", result.cell.batch},
            {"epochs", result.cell.epochs},    {"seed", result.cell.seed},
            {"run", result.cell.name()},       {"best_step", result.step},
            {"steps", result.steps},           {"held_out_loss", result.loss},
            {"seconds", result.seconds}};
  for (const auto& [name, value] : result.figures) json["scores"][name] = value;
  return json;
}

}  // namespace

std::vector<SettingResult> summarize(const std::vector<CellResult>& results) {
  std::vector<SettingResult> settings;
  for (const CellResult& result : results) {
    const bool known = std::any_of(settings.begin(), settings.end(), [&](const auto& setting) {
      return same_setting(setting.cell, result.cell);
    });
    if (known) continue;
    const std::vector<double> scores = scores_of(results, result.cell);
    SettingResult setting{result.cell, std::ssize(scores), 0, 0, scores[0], scores[0]};
    for (const double score : scores) {
      setting.mean += score / static_cast<double>(scores.size());
      setting.least = std::min(setting.least, score);
      setting.most = std::max(setting.most, score);
    }
    double squares = 0;
    for (const double score : scores) squares += (score - setting.mean) * (score - setting.mean);
    if (scores.size() > 1) {
      setting.deviation = std::sqrt(squares / static_cast<double>(scores.size() - 1));
    }
    settings.push_back(setting);
  }
  return settings;
}

const CellResult& best_cell(const std::vector<CellResult>& results) {
  BERTYARD_CHECK(!results.empty(), "fine-tuning: no results");
  const std::vector<SettingResult> settings = summarize(results);
  const auto setting =
      std::max_element(settings.begin(), settings.end(),
                       [](const auto& a, const auto& b) { return a.mean < b.mean; });
  const CellResult* best = nullptr;
  for (const CellResult& result : results) {
    if (!same_setting(result.cell, setting->cell)) continue;
    if (best == nullptr || main_score(result) > main_score(*best)) best = &result;
  }
  return *best;
}

std::string held_out_loss_text(double loss) {
  return std::isnan(loss) ? "none" : fmt::format("{:.4f}", loss);
}

std::string settings_text(const std::vector<CellResult>& results) {
  std::string text;
  for (const SettingResult& setting : summarize(results)) {
    if (setting.seeds < 2) continue;
    text += fmt::format("  {}: {} {:.2f} +- {:.2f} over {} seeds ({:.2f} to {:.2f})\n",
                        setting_text(setting.cell), results.front().figures.front().first,
                        100 * setting.mean, 100 * setting.deviation, setting.seeds,
                        100 * setting.least, 100 * setting.most);
  }
  return text;
}

std::string grid_text(const std::vector<CellResult>& results) {
  std::vector<TextTable::Column> columns{{"lr"},
                                         {"batch", Align::right},
                                         {"epochs", Align::right},
                                         {"seed", Align::right},
                                         {"best step", Align::right},
                                         {"loss", Align::right}};
  for (const auto& [name, value] : results.front().figures) {
    columns.push_back({name, Align::right});
  }
  columns.push_back({"time", Align::right});
  TextTable table(columns);
  for (const CellResult& result : results) {
    std::vector<std::string> cells{grid_value_text(result.cell.learning_rate),
                                   grid_value_text(result.cell.batch),
                                   grid_value_text(result.cell.epochs),
                                   grid_value_text(result.cell.seed),
                                   fmt::format("{}/{}", result.step, result.steps),
                                   held_out_loss_text(result.loss)};
    for (const auto& [name, value] : result.figures) {
      cells.push_back(figure_text(name, value));
    }
    cells.push_back(duration_text(result.seconds));
    table.add(std::move(cells));
  }
  return table.text() + settings_text(results);
}

std::string grid_json(const std::vector<CellResult>& results, const RunConfig& config) {
  Json json;
  json["task"] = config.task.name;
  json["model"] = config.model.from;  // empty: random weights
  json["metric"] = results.front().figures.front().first;
  json["cells"] = Json::array();
  for (const CellResult& result : results) json["cells"].push_back(cell_json(result));
  json["settings"] = Json::array();
  for (const SettingResult& setting : summarize(results)) {
    json["settings"].push_back({{"lr", setting.cell.learning_rate},
                                {"batch", setting.cell.batch},
                                {"epochs", setting.cell.epochs},
                                {"seeds", setting.seeds},
                                {"mean", setting.mean},
                                {"deviation", setting.deviation},
                                {"least", setting.least},
                                {"most", setting.most}});
  }
  json["best"] = cell_json(best_cell(results));
  return json.dump(2) + "\n";
}

}  // namespace bertyard
