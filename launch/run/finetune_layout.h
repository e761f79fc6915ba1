// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "launch/config/setting_differences.h"

namespace bertyard {

// What a fine-tuning leaves in runs/NAME: a run directory for each cell of its grid, which has
// these files beside those of any run,
inline constexpr char kHistoryFile[] = "evaluations.txt";  // step, loss, main score a line
inline constexpr char kBestSoFarFile[] = "best_so_far.json";
inline constexpr char kResultFile[] = "result.json";  // once it is done
// and, once all are done, the best model in best/ and this.
inline constexpr char kGridFile[] = "results.json";

// One combination of a fine-tuning grid: a run of its own.
struct FinetuneCell {
  double learning_rate = 0;
  std::int64_t batch = 0;
  double epochs = 0;
  std::int64_t seed = 0;
  // "lr-5e-05_batch-32_epochs-3_seed-42": name of its run directory.
  std::string name() const;
};
// The cell of that name; nothing for any other text.
std::optional<FinetuneCell> cell_of_name(std::string_view name);
// By the name of the directory.
std::optional<FinetuneCell> cell_of_directory(const std::filesystem::path& directory);

struct CellDirectory {
  std::filesystem::path path;
  FinetuneCell cell;
};
// The cells that have begun, by rate, batch, epochs and seed; none where `directory` is not that of
// a fine-tuning.
std::vector<CellDirectory> list_cells(const std::filesystem::path& directory);

// Throws DataError where `directory` is that of a fine-tuning without a best model, for it has not
// ended.
void refuse_unfinished(const std::filesystem::path& directory);

// What a cell reached: at its best step, by the main score.
struct CellResult {
  FinetuneCell cell;
  std::int64_t step = 0, steps = 0;
  double loss = 0;
  std::vector<std::pair<std::string, double>> figures;  // the main score first
  double seconds = 0;
  Origins made_from;  // cell_origins()
};
std::string cell_result_text(const CellResult& result);
// From kResultFile or kBestSoFarFile (whose `steps` is 0); nothing where there is no such file or
// it is none. Whose cell it is is not compared.
std::optional<CellResult> read_cell_result(const std::filesystem::path& file,
                                           const FinetuneCell& cell);

}  // namespace bertyard
