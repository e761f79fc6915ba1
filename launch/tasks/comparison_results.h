// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "launch/config/run_config.h"
#include "launch/config/setting_differences.h"
#include "launch/tasks/comparison_table.h"

namespace bertyard {

// What lies on disk of a comparison's stages.

// The scores of a finished fine-tuning in `directory`, of the setting with the best mean; nothing
// unless every combination of config.finetune is there.
struct FinetuneScores {
  std::string metric;
  ComparedScore score;
};
std::optional<FinetuneScores> read_finetune_scores(const std::filesystem::path& directory,
                                                   const RunConfig& config);

// Whether the files of the task and the teacher's model must be there.
enum class DataNeed { required, optional };

// What decides the scores of a fine-tuning beside its seeds, with hashes of the weights that it
// starts from ("random" without), of the files of its task and of the weights of its teacher. Kept
// beside the results. DataError for a file that is required and not there; one that is optional and
// not there has no hash.
Origins origins_of(const RunConfig& config, DataNeed need);
// Writes them into `directory`, or, where some stand there, compares: UsageError that names every
// difference, so that a table never holds what another configuration made.
void claim_directory(const std::filesystem::path& directory, const Origins& origins);
// Whether the directory was claimed with these, as far as there are hashes of the data: a table can
// be made where the data are gone.
bool is_claimed_by(const std::filesystem::path& directory, const Origins& origins);

// Whether the run of a pre-training configuration is at its end, by STATUS and the settings of its
// newest checkpoint.
bool is_pretrained(const RunConfig& config);
// Of the model in `directory`, or of the configuration's own where that is empty.
SystemFacts system_facts(const std::string& directory, const RunConfig& config);

}  // namespace bertyard
