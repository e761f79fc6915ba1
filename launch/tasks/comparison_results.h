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

// What decides the scores of a fine-tuning beside its seeds, with the hash of the weights that it
// starts from ("random" without). Kept beside the results.
Origins origins_of(const RunConfig& config);
// Writes them into `directory`, or, where some stand there, compares: UsageError that names every
// difference, so that a table never holds what another configuration made.
void claim_directory(const std::filesystem::path& directory, const Origins& origins);
// Whether the directory was claimed with these.
bool is_claimed_by(const std::filesystem::path& directory, const Origins& origins);

// Whether the run of a pre-training configuration is at its end, by STATUS and the settings of its
// newest checkpoint.
bool is_pretrained(const RunConfig& config);
// Of the model in `directory`, or of the configuration's own where that is empty.
SystemFacts system_facts(const std::string& directory, const RunConfig& config);

}  // namespace bertyard
