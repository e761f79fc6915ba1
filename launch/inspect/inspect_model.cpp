// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <map>

#include <fmt/format.h>

#include "launch/console/text_table.h"
#include "launch/inspect/inspect_parts.h"
#include "launch/inspect/inspect_tensors.h"
#include "launch/run/rank_log.h"
#include "train/checkpoint/checkpoint_store.h"
#include "train/huggingface/huggingface.h"
#include "train/pretraining_objective.h"
#include "train/token_task.h"

namespace bertyard {
namespace {

namespace fs = std::filesystem;

constexpr const char* kWeights = "model.safetensors";
constexpr const char* kOptimizer = "optimizer.bin";

// Of a fine-tuning's checkpoint the score is kept with its sign turned.
BannerRow held_out_row(const Checkpoint& checkpoint) {
  const double kept = *checkpoint.state().held_out_loss;
  if (read_huggingface_head(checkpoint.path())) {
    return {"held out", fmt::format("score {:.4f}", -kept)};
  }
  const CheckpointState& state = checkpoint.state();
  const bool earlier = state.held_out_step != 0 && state.held_out_step != state.step;
  return {
      "held out",
      fmt::format(
          "{} {:.4f} nats{}", token_task_title(token_task(checkpoint.model())), kept,
          earlier ? fmt::format(", measured after step {}", grouped(state.held_out_step)) : "")};
}

std::vector<BannerRow> state_rows(const Checkpoint& checkpoint) {
  const CheckpointState& state = checkpoint.state();
  std::vector<BannerRow> rows = {
      {"run", state.run_id},
      {"step",
       fmt::format("{}, {} of them applied", grouped(state.step), grouped(state.applied_steps))},
      {"position", fmt::format("{} samples and {} tokens since the start, phase {}",
                               grouped(static_cast<std::int64_t>(state.data_position)),
                               grouped(state.tokens), state.phase)},
      {"trained for", duration_text(state.run_seconds)},
  };
  if (state.held_out_loss) rows.push_back(held_out_row(checkpoint));
  return rows;
}

std::string map_text(const std::string& heading, const std::map<std::string, std::string>& map) {
  if (map.empty()) return "";
  std::vector<BannerRow> rows;
  rows.reserve(map.size());
  for (const auto& [key, value] : map) rows.push_back({key, value});
  return "\n" + section_text(heading, rows);
}

}  // namespace

std::vector<BannerRow> model_rows(const ModelConfig& config) {
  if (config.is_elmo()) {
    return {{"parameters", grouped(config.parameter_count())},
            {"type", std::string(name_of(config.type))},
            {"layers", fmt::format("{} each way, hidden {}, {} cells", config.layers, config.hidden,
                                   config.intermediate)},
            {"inputs", fmt::format("{} entries, {} positions", grouped(config.vocab_size),
                                   config.max_positions)},
            {"dropout", fmt::format("{:g}", config.dropout)}};
  }
  return {
      {"parameters", grouped(config.parameter_count())},
      {"layers", fmt::format("{}, hidden {}, {} heads, intermediate {}", config.layers,
                             config.hidden, config.heads, config.intermediate)},
      {"inputs", fmt::format("{} entries, {} positions, {} segments", grouped(config.vocab_size),
                             config.max_positions, config.segments)},
      {"attention", std::string(name_of(config.attention))},
      {"activation", std::string(name_of(config.activation))},
      {"dropout",
       fmt::format("{:g}, of attention {:g}", config.dropout, config.attention_dropout)}};
}

std::string inspect_checkpoint(const InspectOptions& options) {
  Logger log = rank_logger({}, 0, "");
  const Checkpoint checkpoint = open_checkpoint(options.path, log);
  const SafetensorsFile weights(checkpoint.path() / kWeights);
  const SafetensorsFile optimizer(checkpoint.path() / kOptimizer);
  if (!options.tensor.empty()) return tensor_text({&weights, &optimizer}, options.tensor);
  const CheckpointState& state = checkpoint.state();
  std::vector<BannerRow> rows = state_rows(checkpoint);
  rows.push_back({"optimizer", fmt::format("{} ({} tensors, shown by --tensor)",
                                           fmt::join(checkpoint.optimizer_names(), ", "),
                                           optimizer.entries().size())});
  std::string text = section_text(
      fmt::format("checkpoint {}, all files as they were written", checkpoint.path().string()),
      rows);
  text += "\n" + section_text("model", model_rows(checkpoint.model()));
  text += map_text("environment", state.environment) + map_text("settings", state.settings);
  return text + "\n" + tensors_text(weights);
}

std::string inspect_huggingface(const InspectOptions& options) {
  const fs::path directory(options.path);
  const ModelConfig config = read_huggingface_config(directory);
  const SafetensorsFile weights(directory / kWeights);
  if (!options.tensor.empty()) return tensor_text({&weights}, options.tensor);
  std::vector<BannerRow> rows = model_rows(config);
  rows.push_back({"vocab.txt", fs::exists(directory / "vocab.txt") ? "is there" : "is missing"});
  return section_text(fmt::format("Hugging Face directory {}", options.path), rows) + "\n" +
         tensors_text(weights);
}

std::string inspect_tensor_file(const InspectOptions& options) {
  const SafetensorsFile file(options.path);
  if (!options.tensor.empty()) return tensor_text({&file}, options.tensor);
  return fmt::format("tensors {}\n{}", options.path, tensors_text(file));
}

}  // namespace bertyard
