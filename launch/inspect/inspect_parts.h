// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/nn/model_config.h"
#include "train/journal/console.h"

namespace bertyard {

struct InspectOptions {
  std::string path;    // shards, a file of samples, a vocabulary, a checkpoint, a run, a model
  std::string tensor;  // of a model: show this one
  std::uint64_t samples = 0;  // of samples: decode so many
  std::string vocab;          // to decode with; empty: a vocab.txt beside
};

// One kind of thing each, as text for people. They throw what reading it throws.
std::string inspect_vocabulary(const InspectOptions& options);
// Shards, one shard, or a file in NVIDIA's layout.
std::string inspect_samples(const InspectOptions& options);
// A checkpoint, or a folder of them: the newest good one.
std::string inspect_checkpoint(const InspectOptions& options);
std::string inspect_huggingface(const InspectOptions& options);
std::string inspect_tensor_file(const InspectOptions& options);
std::string inspect_run(const InspectOptions& options);
// A fine-tuning: what every cell of its grid has reached so far, and the best model.
std::string inspect_finetuning(const InspectOptions& options);
// The flight recorders in a folder: every event by time, and where each rank was last.
std::string inspect_flight(const InspectOptions& options);
// A micro-batch that was kept because its numbers were not finite.
std::string inspect_batch(const InspectOptions& options);
// Of the recorders, where each rank was last; empty where there are no recorders.
std::string flight_summary(const std::filesystem::path& folder);

// Of one cell of a fine-tuning, its last step, what the newest evaluation found and the best one.
std::vector<BannerRow> cell_rows(const std::filesystem::path& directory);
// Its main score's name as a title; empty before the first evaluation.
std::string cell_score_name(const std::filesystem::path& directory);

// "layers", "parameters" and the rest of a model's shape.
std::vector<BannerRow> model_rows(const ModelConfig& config);

}  // namespace bertyard
