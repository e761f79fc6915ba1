// SPDX-License-Identifier: Apache-2.0
#include <filesystem>

#include <fmt/format.h>

#include "core/base/error.h"
#include "data/files/file_writer.h"
#include "launch/config/grid_value.h"
#include "launch/console/text_table.h"
#include "launch/inspect/inspect_parts.h"
#include "launch/plot/plot_metrics.h"
#include "launch/run/finetune_layout.h"
#include "launch/tasks/finetune_grid.h"
#include "train/tasks/task_scores.h"

namespace bertyard {
namespace {

namespace fs = std::filesystem;

// How far a cell has come.
struct CellState {
  CellDirectory directory;
  std::string status;              // the first word of STATUS
  std::optional<CellResult> best;  // so far
  bool done = false;
};

std::optional<CellResult> best_of_cell(const fs::path& directory, const FinetuneCell& cell) {
  const auto result = read_cell_result(directory / kResultFile, cell);
  return result ? result : read_cell_result(directory / kBestSoFarFile, cell);
}

CellState state_of(const CellDirectory& directory) {
  CellState state{directory, "", best_of_cell(directory.path, directory.cell)};
  state.done = fs::exists(directory.path / kResultFile);
  const fs::path status = directory.path / "STATUS";
  if (fs::is_regular_file(status)) {
    const std::string text = read_file(status);
    state.status = text.substr(0, text.find_first_of(":\n "));
  }
  return state;
}

std::string scores_text(const std::vector<std::pair<std::string, double>>& figures) {
  std::string text;
  for (const auto& [name, value] : figures) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, figure_text(name, value));
  }
  return text;
}

std::string cells_text(const std::vector<CellState>& cells) {
  std::vector<TextTable::Column> columns{
      {"lr"},     {"batch", Align::right},     {"epochs", Align::right}, {"seed", Align::right},
      {"status"}, {"best step", Align::right}, {"loss", Align::right}};
  std::vector<std::string> names;
  for (const CellState& state : cells) {
    if (!state.best || !names.empty()) continue;
    for (const auto& [name, value] : state.best->figures) names.push_back(name);
  }
  for (const std::string& name : names) columns.push_back({name, Align::right});
  TextTable table(columns);
  for (const CellState& state : cells) {
    const FinetuneCell& cell = state.directory.cell;
    std::vector<std::string> row{grid_value_text(cell.learning_rate), grid_value_text(cell.batch),
                                 grid_value_text(cell.epochs), grid_value_text(cell.seed),
                                 state.status};
    if (state.best) {
      row.push_back(std::to_string(state.best->step));
      row.push_back(held_out_loss_text(state.best->loss));
      for (const auto& [name, value] : state.best->figures) row.push_back(figure_text(name, value));
    }
    row.resize(columns.size());
    table.add(std::move(row));
  }
  return table.text();
}

}  // namespace

std::vector<BannerRow> cell_rows(const fs::path& directory) {
  std::vector<BannerRow> rows;
  const auto best = best_of_cell(directory, *cell_of_directory(directory));
  std::vector<std::string> wanted{"loss", "tok_per_s"};
  if (best) {
    for (const auto& [name, value] : best->figures) wanted.push_back(name);
  }
  if (fs::is_regular_file(directory / "metrics.jsonl")) {
    const RunMetrics metrics = read_metrics(directory / "metrics.jsonl", wanted);
    const MetricsRow* train = nullptr;
    const MetricsRow* held_out = nullptr;
    for (const MetricsRow& row : metrics.rows) {
      (row.kind == MetricsKind::train ? train : held_out) = &row;
    }
    if (train != nullptr) {
      rows.push_back({"last step", fmt::format("{}: loss {:.4f}, {} tokens/s", grouped(train->step),
                                               train->values[0], shortened(train->values[1]))});
    }
    if (held_out != nullptr) {
      std::vector<std::pair<std::string, double>> figures;
      for (std::size_t i = 2; i < wanted.size(); ++i) {
        figures.emplace_back(wanted[i], held_out->values[i]);
      }
      rows.push_back({"held out", fmt::format("step {}: loss {:.4f}, {}", grouped(held_out->step),
                                              held_out->values[0], scores_text(figures))});
    }
  }
  if (best) {
    rows.push_back(
        {"best", fmt::format("step {}: loss {}, {}", grouped(best->step),
                             held_out_loss_text(best->loss), scores_text(best->figures))});
  }
  return rows;
}

std::string cell_score_name(const fs::path& directory) {
  const auto best = best_of_cell(directory, *cell_of_directory(directory));
  return best ? best->figures.front().first : "";
}

std::string inspect_finetuning(const InspectOptions& options) {
  const fs::path directory(options.path);
  const bool has_best = fs::exists(directory / "best" / "config.json");
  if (!options.tensor.empty()) {
    if (!has_best) {
      throw DataError(fmt::format(
          "{}: the best model is kept when every training is done; name a cell for --tensor",
          options.path));
    }
    InspectOptions best = options;
    best.path = directory / "best";
    return inspect_huggingface(best);
  }
  std::vector<CellState> cells;
  std::vector<CellResult> done;
  for (const CellDirectory& cell : list_cells(directory)) {
    cells.push_back(state_of(cell));
    if (cells.back().done && cells.back().best) done.push_back(*cells.back().best);
  }
  std::string text = fmt::format("fine-tuning {}: {} training(s), {} done\n", options.path,
                                 cells.size(), done.size());
  text += cells_text(cells);
  if (!done.empty()) text += settings_text(done);
  if (has_best && !done.empty()) {
    const CellResult& best = best_cell(done);
    text += fmt::format("best: {}, step {}, {} -> {}\n", best.cell.name(), best.step,
                        scores_text(best.figures), (directory / "best").string());
  }
  if (!cells.empty()) {
    text += fmt::format("\ninspect {} shows one of them; plot {} draws the curves\n",
                        cells.front().directory.path.string(), options.path);
  }
  return text;
}

}  // namespace bertyard
