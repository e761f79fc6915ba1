// SPDX-License-Identifier: Apache-2.0
#include "launch/verbs/verb_encode.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/backend/narrow_cpu_device.h"
#include "core/base/error.h"
#include "core/base/standard_error.h"
#include "launch/console/text_window.h"
#include "launch/run/cpu_threads.h"
#include "launch/run/rank_log.h"
#include "launch/run/saved_model.h"
#include "launch/run/signals.h"
#include "launch/verbs/vector_file.h"
#include "train/huggingface/huggingface.h"
#include "train/journal/console.h"
#include "train/sentence_modules.h"

namespace bertyard {
namespace {

using Tokens = TextVectors::Tokens;

// What a run of `encode` does, once model and options are known.
struct EncodePlan {
  SavedModel model;
  VectorOptions vectors;
  std::int64_t max_length = 0;
};

std::int64_t choose_length(const EncodeVerbOptions& options, const SavedModel& model,
                           std::int64_t of_modules) {
  const std::int64_t positions = model.config.max_positions;
  if (options.max_length > positions) {
    throw UsageError(fmt::format("--max-length is {}, the model has positions for {}",
                                 options.max_length, positions));
  }
  if (options.max_length > 0) return options.max_length;
  return of_modules > 0 ? std::min(of_modules, positions) : positions;
}

EncodePlan make_plan(const EncodeVerbOptions& options) {
  std::optional<SentenceModules> modules;
  if (!options.pooling) modules = read_sentence_modules(options.model);
  Logger log = rank_logger({}, 0, "");
  EncodePlan plan{
      open_saved_model(modules ? modules->transformer.string() : options.model, log), {}, 0};
  if (!plan.model.vocabulary) {
    throw DataError(fmt::format(
        "{}: there is no vocab.txt and no tokenizer.json; text cannot be turned into tokens",
        plan.model.path));
  }
  plan.vectors.pooling = options.pooling.value_or(modules ? modules->pooling : Pooling::mean);
  if (plan.model.config.is_elmo()) {
    throw UsageError(fmt::format(
        "{}: the model is an ELMo, and vectors are taken from transformers alone; its layers are "
        "for tasks: bertyard finetune",
        plan.model.path));
  }
  if (plan.vectors.pooling == Pooling::cls && plan.model.config.is_causal()) {
    throw UsageError(fmt::format(
        "{}: the model is causal, so its first token has seen nothing of a text; use --pool mean",
        plan.model.path));
  }
  plan.vectors.normalize = options.normalize.value_or(modules ? modules->normalize : Normalize::no);
  plan.vectors.layers = resolve_layers(options.layers, plan.model.config);
  plan.max_length = choose_length(options, plan.model, modules ? modules->max_length : 0);
  return plan;
}

// So that no half-written file is left behind.
void leave_if_asked() {
  if (StopSignals::requested() == StopRequest::none) return;
  throw Error("encode: stopped by a signal; nothing was written", ExitCode::terminated);
}

// A window's vectors into the file, in the order of the texts; bad lines have none.
void write_window(const std::vector<Tokens>& texts, TextVectors& encoder, VectorFile& file) {
  std::vector<Tokens> good;
  for (const Tokens& text : texts) {
    if (!text.empty()) good.push_back(text);
  }
  const std::vector<float> vectors = encoder.encode(good, leave_if_asked);
  const auto width = static_cast<std::size_t>(encoder.width());
  const bool per_token = vectors.size() != good.size() * width;
  std::size_t at = 0;
  for (const Tokens& text : texts) {
    const std::size_t count = text.empty() ? 0 : width * (per_token ? text.size() : 1);
    file.write({text, std::span(vectors).subspan(at, count)});
    at += count;
  }
}

struct EncodeOutcome {
  TextCounts counts;
  std::int64_t width = 0;
  double seconds = 0;  // of reading, computing and writing
};

EncodeOutcome encode(const EncodeVerbOptions& options, const EncodePlan& plan) {
  CpuOptions cpu;
  cpu.threads = cpu_threads(options.threads, 1);
  const bool narrow = options.products == EncodeProducts::bf16;
  const auto device = narrow ? make_narrow_cpu_device(cpu) : make_cpu_device(cpu);
  Capacities capacities;
  capacities.tokens = std::max(options.batch_tokens, plan.max_length);
  capacities.sequences = capacities.tokens / 2;  // [CLS] [SEP] is the shortest
  capacities.max_length = plan.max_length;
  TextVectors encoder(plan.model.config, plan.vectors, capacities, *device);
  load_huggingface_weights(plan.model.path, encoder.parameters(), MissingHeads::keep_values);
  encoder.weights_loaded();

  const Vocabulary& vocabulary = *plan.model.vocabulary;
  const Tokenizer tokenizer(vocabulary, plan.model.tokenizer);
  const bool per_token = plan.vectors.pooling == Pooling::tokens;
  const auto start = std::chrono::steady_clock::now();
  TextWindows windows({.files = options.files,
                       .field = options.field,
                       .max_length = plan.max_length,
                       .window_tokens = per_token ? 1u << 13 : 1u << 16},
                      tokenizer, vocabulary);
  const auto file = make_vector_file(
      options.out, per_token ? VectorRows::tokens : VectorRows::texts, encoder.width(), vocabulary);
  std::vector<Tokens> texts;
  for (leave_if_asked(); windows.next(texts); leave_if_asked()) write_window(texts, encoder, *file);
  file->commit();
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  return {windows.counts(), encoder.width(), seconds.count()};
}

std::string layers_text(const EncodePlan& plan) {
  return fmt::format("{}", fmt::join(plan.vectors.layers, ", "));
}

void print_text(const EncodeVerbOptions& options, const EncodePlan& plan,
                const EncodeOutcome& outcome) {
  const TextCounts& counts = outcome.counts;
  const auto counted = [](std::uint64_t n) { return grouped(static_cast<std::int64_t>(n)); };
  fmt::print("model    {} ({})\n", plan.model.path, plan.model.kind);
  fmt::print("vectors  {} columns, {} of layer {} of {}{}\n", outcome.width,
             name_of(plan.vectors.pooling), layers_text(plan), plan.model.config.layers,
             plan.vectors.normalize == Normalize::yes ? ", length 1" : "");
  fmt::print("texts    {}, {} tokens, {} cut at {} tokens\n", counted(counts.texts),
             counted(counts.tokens), counted(counts.cut_texts), plan.max_length);
  fmt::print("written  {} in {:.2f} s: {:.0f} texts/s, {:.0f} tokens/s\n", options.out,
             outcome.seconds, static_cast<double>(counts.texts) / outcome.seconds,
             static_cast<double>(counts.tokens) / outcome.seconds);
}

void print_json(const EncodeVerbOptions& options, const EncodePlan& plan,
                const EncodeOutcome& outcome) {
  nlohmann::ordered_json json;
  json["model"] = plan.model.path;
  json["out"] = options.out;
  json["width"] = outcome.width;
  json["pooling"] = name_of(plan.vectors.pooling);
  json["layers"] = plan.vectors.layers;
  json["normalized"] = plan.vectors.normalize == Normalize::yes;
  json["products"] = options.products == EncodeProducts::bf16 ? "bf16" : "fp32";
  json["max_length"] = plan.max_length;
  json["texts"] = outcome.counts.texts;
  json["tokens"] = outcome.counts.tokens;
  json["cut_texts"] = outcome.counts.cut_texts;
  json["bad_lines"] = outcome.counts.bad_lines;
  json["seconds"] = outcome.seconds;
  fmt::print("{}\n", json.dump());
}

void print_notes(const TextCounts& counts, const EncodeVerbOptions& options) {
  const auto note = [](std::uint64_t count, const std::string& what) {
    if (count > 0) {
      write_standard_error(
          fmt::format("note: {} {}\n", grouped(static_cast<std::int64_t>(count)), what));
    }
  };
  const bool npy = std::filesystem::path(options.out).extension() == ".npy";
  note(counts.invalid_utf8, "invalid UTF-8 sequences were replaced by U+FFFD");
  note(counts.bad_lines, npy ? "bad lines became NaN" : "bad lines became null");
  for (const std::string& fault : counts.faults) write_standard_error(fmt::format("  {}\n", fault));
  if (counts.bad_lines > counts.faults.size()) write_standard_error("  ...\n");
}

}  // namespace

int run_encode(const EncodeVerbOptions& options) {
  const StopSignals signals;  // heard before each batch
  const EncodePlan plan = make_plan(options);
  const EncodeOutcome outcome = encode(options, plan);
  const auto print = options.form == OutputForm::json ? print_json : print_text;
  print(options, plan, outcome);
  print_notes(outcome.counts, options);
  const bool lacks_vectors = outcome.counts.bad_lines > 0;
  return static_cast<int>(lacks_vectors ? ExitCode::data : ExitCode::ok);
}

}  // namespace bertyard
