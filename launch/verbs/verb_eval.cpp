// SPDX-License-Identifier: Apache-2.0
#include "launch/verbs/verb_eval.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "data/samples/masking.h"
#include "data/shards/manifest.h"
#include "data/shards/open_samples.h"
#include "launch/run/cpu_threads.h"
#include "launch/run/rank_log.h"
#include "launch/run/saved_model.h"
#include "train/evaluation.h"
#include "train/model_memory.h"
#include "train/token_task.h"

namespace bertyard {
namespace {

// What was evaluated, for its printing.
struct Evaluated {
  const EvalVerbOptions& options;
  const SavedModel& model;
  const PretrainingEvaluation& evaluation;
  NextSentence next_sentence;
};

constexpr std::uint64_t kMaskSeed = 42;  // for shards without stored masks

std::unique_ptr<SampleSource> open_data(const EvalVerbOptions& options, const SavedModel& model) {
  SampleExpectations expectations;
  expectations.vocabulary_size = static_cast<std::uint32_t>(model.config.vocab_size);
  if (model.vocabulary) {
    expectations.vocabulary_hash = model.vocabulary->hash();
    if (model.vocabulary->size() > expectations.vocabulary_size) {
      throw DataError(fmt::format("{}: its vocabulary has {} entries, its model rows for {}",
                                  model.path, model.vocabulary->size(),
                                  expectations.vocabulary_size));
    }
    // The model may have more rows than there are entries.
    expectations.vocabulary_size = static_cast<std::uint32_t>(model.vocabulary->size());
  }
  expectations.segments = static_cast<int>(model.config.segments);
  expectations.max_length = model.config.max_positions;
  return open_samples(options.data, expectations);
}

std::optional<Masker> masker_for(const SampleSource& source, const EvalVerbOptions& options,
                                 const SavedModel& model) {
  if (source.properties().masks == MaskTime::prepare || model.config.is_language_model()) {
    return std::nullopt;
  }
  if (!model.vocabulary) {
    throw DataError(fmt::format(
        "{}: its samples have no masks of their own, and to draw them needs a vocab.txt in {}",
        options.data, model.path));
  }
  MaskOptions mask;
  const std::filesystem::path path(options.data);
  const std::filesystem::path directory =
      std::filesystem::is_directory(path) ? path : path.parent_path();
  if (std::filesystem::exists(directory / kManifestName)) {
    mask = read_manifest(directory).parameters.mask;
  }
  return Masker(mask, mask_vocabulary(*model.vocabulary));
}

MicroBatchCapacities capacities_for(const SampleSource& source, std::int64_t max_length) {
  MicroBatchCapacities capacities;
  capacities.tokens = std::max<std::int64_t>(4096, max_length);
  capacities.sequences = 256;
  const std::int64_t stored = source.properties().max_masked;
  capacities.masked = std::max<std::int64_t>({1024, stored, max_length});
  return capacities;
}

void print_text(const Evaluated& evaluated) {
  const auto& [options, model, evaluation, next_sentence] = evaluated;
  const PretrainingScores& scores = evaluation.scores;
  fmt::print("model   {} ({})\n", model.path, model.kind);
  fmt::print("data    {}: {} samples, {} {} tokens\n", options.data, evaluation.counts.samples,
             evaluation.counts.masked, model.config.is_language_model() ? "predicted" : "masked");
  fmt::print("{:<7} loss {:.4f} nats, accuracy {:.2f}%\n",
             token_task_title(token_task(model.config)), scores.mlm_loss,
             100 * scores.mlm_accuracy);
  if (!has_sentence_pairs(next_sentence)) return;
  fmt::print("{}     loss {:.4f} nats, accuracy {:.2f}%\n",
             next_sentence == NextSentence::sop ? "SOP" : "NSP", scores.sentence_loss,
             100 * scores.sentence_accuracy);
}

void print_json(const Evaluated& evaluated) {
  const auto& [options, model, evaluation, next_sentence] = evaluated;
  const PretrainingScores& scores = evaluation.scores;
  nlohmann::ordered_json json;
  const std::string tokens(token_task(model.config));
  json[tokens + "_loss"] = scores.mlm_loss;
  json[tokens + "_accuracy"] = scores.mlm_accuracy;
  if (!model.config.is_language_model()) {
    json["nsp_loss"] = nullptr;  // always there, so that a reader needs no case of its own
    json["nsp_accuracy"] = nullptr;
  }
  if (has_sentence_pairs(next_sentence)) {
    const std::string task(name_of(next_sentence));
    json[task + "_loss"] = scores.sentence_loss;
    json[task + "_accuracy"] = scores.sentence_accuracy;
  }
  const char* counted = model.config.is_language_model() ? "predicted_tokens" : "masked_tokens";
  json[counted] = evaluation.counts.masked;
  json["samples"] = evaluation.counts.samples;
  json["model"] = model.path;
  json["data"] = options.data;
  fmt::print("{}\n", json.dump());
}

}  // namespace

int run_eval(const EvalVerbOptions& options, MpiEnvironment& environment) {
  const ProcessGroup group = environment.make_process_group();
  Logger log = rank_logger({}, group.rank(), environment.host());
  const SavedModel model = open_saved_model(options.model, log);
  const auto source = open_data(options, model);
  const std::optional<Masker> masker = masker_for(*source, options, model);
  const bool predicts_all = model.config.is_language_model();
  const TokenTargets targets = token_targets(model.config);
  const NextSentence next_sentence =
      predicts_all ? NextSentence::none : source->properties().next_sentence;
  const std::int64_t max_length = options.max_length > 0
                                      ? std::min(options.max_length, model.config.max_positions)
                                      : model.config.max_positions;
  MicroBatchCapacities micro = capacities_for(*source, max_length);
  if (predicts_all) micro.masked = rows_per_token(targets) * micro.tokens;

  CpuOptions cpu;
  cpu.threads = cpu_threads(options.threads, group.local_size);
  const auto device = make_cpu_device(cpu);
  const auto sentences = has_sentence_pairs(next_sentence) ? SentenceObjective::next_sentence
                                                           : SentenceObjective::none;
  PretrainingObjective objective(model.config, sentences, 0);
  DeviceBatch batch;
  ModelMemory memory(objective, batch, nullptr,
                     {micro.tokens, micro.sequences, micro.masked, max_length});
  memory.allocate(*device);
  model.load(objective.parameters());
  device->layer_ops().weights_changed();
  const PretrainingEvaluation evaluation = evaluate(objective, batch, *device, *group.communicator,
                                                    {.source = *source,
                                                     .masker = masker ? &*masker : nullptr,
                                                     .seed = kMaskSeed,
                                                     .sample_limit = options.samples,
                                                     .max_length = static_cast<int>(max_length),
                                                     .capacities = micro,
                                                     .targets = targets});
  if (group.rank() != 0) return static_cast<int>(ExitCode::ok);
  const auto print = options.form == OutputForm::json ? print_json : print_text;
  print({options, model, evaluation, next_sentence});
  return static_cast<int>(ExitCode::ok);
}

}  // namespace bertyard
