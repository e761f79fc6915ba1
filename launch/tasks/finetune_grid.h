// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "launch/config/run_config.h"
#include "launch/run/finetune_layout.h"

namespace bertyard {

// Mean and spread over the seeds of one setting.
struct SettingResult {
  FinetuneCell cell;  // of its first seed
  std::int64_t seeds = 0;
  double mean = 0, deviation = 0;  // of the main score; sample standard deviation, 0 for one seed
  double least = 0, most = 0;
};
// Settings in the order of the grid.
std::vector<SettingResult> summarize(const std::vector<CellResult>& results);

// The cell with the best main score of the setting with the best mean.
const CellResult& best_cell(const std::vector<CellResult>& results);

// "none" where it is NaN: layers alone have learnt from a teacher, and no head.
std::string held_out_loss_text(double loss);
// A line for every setting that has several seeds.
std::string settings_text(const std::vector<CellResult>& results);
// A line for every cell, then settings_text(). Scores in percent.
std::string grid_text(const std::vector<CellResult>& results);
// results.json: task, cells, settings and the best.
std::string grid_json(const std::vector<CellResult>& results, const RunConfig& config);

}  // namespace bertyard
