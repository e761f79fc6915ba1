// SPDX-License-Identifier: Apache-2.0
#include "launch/tasks/comparison_results.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "data/files/atomic_file.h"
#include "data/files/directories.h"
#include "data/files/file_writer.h"
#include "launch/config/config.h"
#include "launch/config/config_field.h"
#include "launch/run/rank_log.h"
#include "launch/run/saved_model.h"
#include "launch/run/task_model_files.h"
#include "launch/tasks/finetune_setup.h"
#include "train/checkpoint/checkpoint_manifest.h"
#include "train/tasks/glue_score.h"

namespace bertyard {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr char kOriginsFile[] = "made_from.json";
constexpr char kTrainHash[] = "task.train hash";
constexpr char kValidHash[] = "task.valid hash";
constexpr char kVocabularyHash[] = "tokenizer.vocab hash";
constexpr char kTeacherHash[] = "teacher weights hash";

// The scores of one cell by name; nothing where it is not among the results.
using Figures = std::map<std::string, double>;
std::optional<Figures> figures_of(const Json& results, const FinetuneCell& cell) {
  for (const Json& found : results["cells"]) {
    if (found.value("run", "") == cell.name()) return found.at("scores").get<Figures>();
  }
  return std::nullopt;
}

std::string setting_text(const FinetuneCell& cell) {
  return fmt::format("lr {:g}, batch {}, {:g} epochs", cell.learning_rate, cell.batch, cell.epochs);
}

fs::path run_path(const RunConfig& config) {
  return fs::path(config.run.directory) / config.run.name;
}

std::optional<Origins> read_origins(const fs::path& directory) {
  if (!fs::exists(directory / kOriginsFile)) return std::nullopt;
  const Json json = Json::parse(read_file(directory / kOriginsFile), nullptr, false);
  Origins origins;
  for (const auto& [key, value] : json.items()) {
    if (value.is_string()) origins[key] = value.get<std::string>();
  }
  return origins;
}

// Of the contents of the files, in their order; nothing where one is not there.
std::optional<std::string> contents_hash(const std::vector<std::string>& files, DataNeed need) {
  std::string hashes;
  for (const std::string& file : files) {
    if (!fs::exists(file)) {
      if (need == DataNeed::optional) return std::nullopt;
      throw DataError(fmt::format("{}: does not exist", file));
    }
    hashes += hash_text(digest_of_file(file, FileCalls()).hash);
  }
  return hash_text(xxh3(hashes));
}

std::optional<std::string> teacher_hash(const std::string& teacher, DataNeed need) {
  if (need == DataNeed::optional && !is_task_model(teacher)) return std::nullopt;
  return weights_file_hash(open_task_model(teacher, "").path);
}

}  // namespace

std::optional<FinetuneScores> read_finetune_scores(const fs::path& directory,
                                                   const RunConfig& config) {
  const fs::path path = directory / "results.json";
  if (!fs::exists(path)) return std::nullopt;
  const Json results = Json::parse(read_file(path), nullptr, false);
  if (!results.is_object() || !results.contains("cells")) {
    throw DataError(
        fmt::format("{}: expected the results of a fine-tuning; remove it", path.string()));
  }
  FinetuneScores best{results.value("metric", ""), {}};
  ComparedScore setting;  // the one at hand; seeds are the innermost of the cells
  for (const FinetuneCell& cell : finetune_cells(config.finetune)) {
    const auto figures = figures_of(results, cell);
    if (!figures) return std::nullopt;
    setting.scores.push_back(figures->at(best.metric));
    if (const auto glue = glue_score(config.task.name, *figures)) setting.glue.push_back(*glue);
    if (setting.scores.size() < config.finetune.seeds.size()) continue;
    setting.setting = setting_text(cell);
    if (setting.glue.size() < setting.scores.size()) setting.glue.clear();
    const bool better = best.score.scores.empty() || mean_and_spread(setting.scores).mean >
                                                         mean_and_spread(best.score.scores).mean;
    if (better) best.score = setting;
    setting = {};
  }
  return best;
}

Origins origins_of(const RunConfig& config, DataNeed need) {
  Origins origins = run_identity(config);
  for (const char* key : {"task.metric", "finetune.lr", "finetune.batch", "finetune.epochs"}) {
    origins[key] = find_field(key)->write(config, 0);
  }
  origins.erase("run.seed");  // each cell has its own
  if (const auto hash = contents_hash(config.task.train, need)) origins[kTrainHash] = *hash;
  if (const auto hash = contents_hash(config.task.valid, need)) origins[kValidHash] = *hash;
  if (const std::string& vocabulary = config.tokenizer.vocab; !vocabulary.empty()) {
    if (const auto hash = contents_hash({vocabulary}, need)) origins[kVocabularyHash] = *hash;
  }
  if (config.distill.taught()) {
    if (const auto hash = teacher_hash(config.distill.teacher, need)) origins[kTeacherHash] = *hash;
  }
  origins["weights"] = "random";
  if (config.model.from.empty()) return origins;
  Logger log = rank_logger({}, 0, "");
  origins["weights"] = weights_file_hash(open_saved_model(config.model.from, log).path);
  return origins;
}

namespace {

// A content counts where both know it: a file may be gone, or the results an older program's.
std::vector<std::string> origin_differences(Origins before, Origins now) {
  for (const char* key : {"task.train", "task.valid", "model.from", "tokenizer.vocab"}) {
    before.erase(key);  // paths, which an older program wrote too
  }
  for (const char* key : {kTrainHash, kValidHash, kVocabularyHash, kTeacherHash}) {
    if (before.contains(key) && now.contains(key)) continue;
    before.erase(key);
    now.erase(key);
  }
  return setting_differences(before, now);
}

}  // namespace

bool is_claimed_by(const fs::path& directory, const Origins& origins) {
  const auto found = read_origins(directory);
  if (!found) return false;
  return origin_differences(*found, origins).empty();
}

void claim_directory(const fs::path& directory, const Origins& origins) {
  if (const auto found = read_origins(directory)) {
    const std::vector<std::string> other = origin_differences(*found, origins);
    if (other.empty()) return;
    throw UsageError(fmt::format(
        "{}: holds results of another configuration ({}); go back to it, remove the directory, or "
        "give the comparison another run.name",
        directory.string(), fmt::join(other, "; ")));
  }
  make_directories(directory);
  write_file_atomically(directory / kOriginsFile, nlohmann::ordered_json(origins).dump(2) + "\n");
}

bool is_pretrained(const RunConfig& config) {
  const fs::path run = run_path(config), newest = run / "checkpoints" / "latest";
  if (!fs::exists(run / "STATUS") || !fs::exists(newest)) return false;
  if (!read_file(run / "STATUS").starts_with("done")) return false;
  const Origins identity = run_identity(config);
  Origins stored = read_checkpoint_manifest(newest).state.settings;
  std::erase_if(stored, [](const auto& setting) {  // the data's, such as "vocabulary hash"
    return setting.first.find(' ') != std::string::npos;
  });
  return setting_differences(stored, identity).empty();
}

SystemFacts system_facts(const std::string& directory, const RunConfig& config) {
  SystemFacts facts;
  if (directory.empty()) {
    ModelConfig model = config.model.architecture;
    const Vocabulary vocabulary = Vocabulary::load(config.tokenizer.vocab);
    model.vocab_size = static_cast<std::int64_t>(vocabulary.size());
    facts.model = "random weights";
    facts.parameters = model.parameter_count();
    return facts;
  }
  Logger log = rank_logger({}, 0, "");
  const SavedModel model = open_saved_model(directory, log);
  const std::string_view kind =
      model.config.is_elmo() ? name_of(model.config.type) : name_of(model.config.attention);
  facts.model = fmt::format("{} model, {}", kind, directory);
  facts.parameters = model.config.parameter_count();
  if (!model.step) return facts;
  const CheckpointState state = read_checkpoint_manifest(model.path).state;
  facts.steps = state.step;
  facts.tokens = state.tokens;
  facts.seconds = state.run_seconds;
  return facts;
}

}  // namespace bertyard
