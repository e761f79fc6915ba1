// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <filesystem>

#include <fmt/format.h>

#include "core/base/error.h"
#include "data/files/file_writer.h"
#include "launch/console/text_table.h"
#include "launch/inspect/inspect_parts.h"
#include "launch/plot/plot_metrics.h"
#include "launch/run/finetune_layout.h"
#include "train/checkpoint/checkpoint_manifest.h"
#include "train/checkpoint/checkpoint_store.h"
#include "train/pretraining_objective.h"
#include "train/tasks/task_scores.h"
#include "train/token_task.h"

namespace bertyard {
namespace {

namespace fs = std::filesystem;

// The first line; empty where there is no such file.
std::string first_line(const fs::path& path) {
  if (!fs::is_regular_file(path)) return "";
  const std::string text = read_file(path);
  return text.substr(0, text.find('\n'));
}

void add_metrics(const fs::path& file, std::vector<BannerRow>& rows) {
  if (!fs::is_regular_file(file)) return;
  const RunMetrics metrics = read_metrics(
      file, {"tok_per_s", "unigram_cross_entropy", "loss_mlm", "mlm_loss", "loss_lm", "lm_loss"});
  const MetricsRow* train = nullptr;
  const MetricsRow* held_out = nullptr;
  for (const MetricsRow& row : metrics.rows) {
    (row.kind == MetricsKind::train ? train : held_out) = &row;
  }
  const bool is_causal = metrics.train_keys.contains("loss_lm");
  const std::string_view task = token_task_title(is_causal ? "lm" : "mlm");
  const std::size_t loss = is_causal ? 4 : 2;
  if (train != nullptr) {
    rows.push_back(
        {"last step", fmt::format("{}: {} {:.4f} nats, {} tokens/s", grouped(train->step), task,
                                  train->values[loss], shortened(train->values[0]))});
  }
  if (held_out != nullptr) {
    rows.push_back({"held out",
                    fmt::format("step {}: {} {:.4f} nats (unigram {:.4f})", grouped(held_out->step),
                                task, held_out->values[loss + 1], held_out->values[1])});
  }
}

// What a checkpoint's manifest keeps of an evaluation: the loss, or a task's score with its sign
// turned.
std::string held_out_text(const CheckpointState& state, const std::string& score_name) {
  if (!state.held_out_loss) return "";
  if (score_name.empty()) return fmt::format("{:.4f}", *state.held_out_loss);
  return figure_text(score_name, -*state.held_out_loss);
}

// What the manifests say; only opening one checks its files. `score_name`: of a fine-tuning's.
std::string checkpoints_text(const fs::path& directory, const std::string& score_name) {
  const std::vector<CheckpointEntry> entries = list_checkpoints(directory);
  if (entries.empty()) return "\nno checkpoint yet\n";
  TextTable table({{"checkpoint"},
                   {"tokens", Align::right},
                   {"trained for", Align::right},
                   {score_name.empty() ? "held-out loss" : score_name, Align::right},
                   {""}});
  for (const CheckpointEntry& entry : entries) {
    const std::string name = entry.path.filename().string();
    try {
      const CheckpointState state = read_checkpoint_manifest(entry.path).state;
      table.add({name, grouped(state.tokens), duration_text(state.run_seconds),
                 held_out_text(state, score_name), ""});
    } catch (const Error& error) {
      table.add({name, "", "", "", error.what()});
    }
  }
  return "\n" + table.text();
}

}  // namespace

std::string inspect_run(const InspectOptions& options) {
  if (!options.tensor.empty()) return inspect_checkpoint(options);
  const fs::path directory(options.path);
  std::vector<BannerRow> rows;
  const auto add_line = [&](const char* label, const char* file) {
    const std::string line = first_line(directory / file);
    if (!line.empty()) rows.push_back({label, line});
  };
  add_line("status", "STATUS");
  add_line("command", "command.txt");
  const bool is_cell = cell_of_directory(directory).has_value();
  if (is_cell) {
    for (BannerRow& row : cell_rows(directory)) rows.push_back(std::move(row));
  } else {
    add_metrics(directory / "metrics.jsonl", rows);
  }
  std::string text = section_text(fmt::format("run {}", options.path), rows);
  text += checkpoints_text(directory / "checkpoints", is_cell ? cell_score_name(directory) : "");
  text += flight_summary(directory / "logs" / "flight");
  if (fs::exists(directory / "checkpoints" / "latest")) {
    text += fmt::format("\ninspect {} shows the newest; plot {} draws the curves\n",
                        (directory / "checkpoints" / "latest").string(), options.path);
  }
  return text;
}

}  // namespace bertyard
