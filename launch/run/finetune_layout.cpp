// SPDX-License-Identifier: Apache-2.0
#include "launch/run/finetune_layout.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <tuple>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "data/files/file_writer.h"
#include "launch/config/grid_value.h"

namespace bertyard {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

}  // namespace

std::string FinetuneCell::name() const {
  return fmt::format("lr-{}_batch-{}_epochs-{}_seed-{}", grid_value_text(learning_rate),
                     grid_value_text(batch), grid_value_text(epochs), grid_value_text(seed));
}

std::optional<FinetuneCell> cell_of_name(std::string_view name) {
  FinetuneCell cell;
  const std::string text(name);
  long long batch = 0, seed = 0;
  const int found = std::sscanf(text.c_str(), "lr-%lf_batch-%lld_epochs-%lf_seed-%lld",
                                &cell.learning_rate, &batch, &cell.epochs, &seed);
  if (found != 4) return std::nullopt;
  cell.batch = batch;
  cell.seed = seed;
  if (cell.name() != name) return std::nullopt;
  return cell;
}

std::optional<FinetuneCell> cell_of_directory(const fs::path& directory) {
  const fs::path absolute = fs::absolute(directory).lexically_normal();
  const fs::path named = absolute.has_filename() ? absolute : absolute.parent_path();
  return cell_of_name(named.filename().string());
}

std::vector<CellDirectory> list_cells(const fs::path& directory) {
  std::vector<CellDirectory> cells;
  if (!fs::is_directory(directory)) return cells;
  for (const auto& entry : fs::directory_iterator(directory)) {
    const auto cell = cell_of_name(entry.path().filename().string());
    if (cell && entry.is_directory()) cells.push_back({entry.path(), *cell});
  }
  const auto key = [](const CellDirectory& entry) {
    const FinetuneCell& cell = entry.cell;
    return std::tuple(cell.learning_rate, cell.batch, cell.epochs, cell.seed);
  };
  std::ranges::sort(cells, {}, key);
  return cells;
}

void refuse_unfinished(const fs::path& directory) {
  const std::size_t cells = list_cells(directory).size();
  if (cells == 0 || fs::exists(directory / "best" / "config.json")) return;
  throw DataError(
      fmt::format("{}: a fine-tuning of which {} training(s) have begun and no best model is kept "
                  "yet; start it again to end it, or name one of its trainings",
                  directory.string(), cells));
}

std::string cell_result_text(const CellResult& result) {
  Json json;
  json["lr"] = result.cell.learning_rate;
  json["batch"] = result.cell.batch;
  json["epochs"] = result.cell.epochs;
  json["seed"] = result.cell.seed;
  json["best_step"] = result.step;
  json["steps"] = result.steps;
  json["held_out_loss"] = result.loss;
  json["seconds"] = result.seconds;
  for (const auto& [name, value] : result.figures) json["scores"][name] = value;
  json["made_from"] = result.made_from;
  return json.dump(2) + "\n";
}

std::optional<CellResult> read_cell_result(const fs::path& file, const FinetuneCell& cell) {
  if (!fs::exists(file)) return std::nullopt;
  const Json json = Json::parse(read_file(file), nullptr, false);
  if (!json.is_object() || !json.contains("scores") || !json.contains("made_from")) {
    return std::nullopt;
  }
  CellResult result;
  result.made_from = json["made_from"].get<Origins>();
  result.cell = cell;
  result.step = json.value("best_step", std::int64_t{0});
  result.steps = json.value("steps", std::int64_t{0});
  const Json loss = json.value("held_out_loss", Json(0.0));
  result.loss = loss.is_number() ? loss.get<double>() : std::nan("");  // null where there is none
  result.seconds = json.value("seconds", 0.0);
  for (const auto& [name, value] : json["scores"].items()) {
    result.figures.emplace_back(name, value.is_number() ? value.get<double>() : std::nan(""));
  }
  if (result.figures.empty()) return std::nullopt;
  return result;
}

}  // namespace bertyard
