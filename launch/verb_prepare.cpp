// SPDX-License-Identifier: Apache-2.0
#include "launch/verb_prepare.h"

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <optional>

#include <fmt/format.h>

#include "core/base/error.h"
#include "data/documents.h"
#include "data/masking.h"
#include "data/prepare.h"
#include "data/sample_source.h"
#include "data/vocabulary.h"
#include "data/vocabulary_learner.h"
#include "data/word_counter.h"
#include "train/console.h"

namespace bertyard {
namespace {

std::string counted(std::uint64_t count) {
  return grouped(static_cast<std::int64_t>(count));
}

std::vector<WordCount> word_counts(const RunConfig& config) {
  DocumentReader reader(config.corpus);
  WordCounter counter(config.tokenizer.options);
  Document document;
  while (reader.next(document)) {
    for (const std::string& sentence : document.sentences) counter.add(sentence);
  }
  return counter.counts();
}

Vocabulary vocabulary_of(const RunConfig& config) {
  const std::filesystem::path path = config.tokenizer.vocab;
  if (std::filesystem::exists(path)) {
    Vocabulary vocabulary = Vocabulary::load(path);
    fmt::print("vocabulary  {} entries from {}\n", counted(vocabulary.size()), path.string());
    return vocabulary;
  }
  fmt::print("vocabulary  learning {} entries from the text ...\n",
             grouped(config.tokenizer.learn.size));
  std::fflush(stdout);
  Vocabulary vocabulary =
      learn_vocabulary(word_counts(config), config.tokenizer.options, config.tokenizer.learn);
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path());
  vocabulary.save(path);
  fmt::print("vocabulary  {} entries written to {}\n", counted(vocabulary.size()), path.string());
  return vocabulary;
}

void print_part(const char* name, const std::filesystem::path& path, const ShardCounts& counts) {
  fmt::print("{:<11} {} samples, {} tokens from {} documents, {} sentences -> {}\n", name,
             counted(counts.samples), counted(counts.sample_tokens), counted(counts.documents),
             counted(counts.sentences), path.string());
}

void print_notes(const CorpusCounts& corpus) {
  const auto note = [](std::uint64_t count, const char* what) {
    if (count > 0) fmt::print("note        {} {}\n", counted(count), what);
  };
  note(corpus.invalid_utf8, "invalid UTF-8 sequences were replaced by U+FFFD");
  note(corpus.nul_bytes, "NUL bytes were dropped");
  note(corpus.cut_lines, "very long lines were cut");
  note(corpus.empty_files, "files are empty");
  note(corpus.empty_documents, "documents have no sentence");
}

void print_report(const PrepareReport& report, double seconds) {
  print_part("train", report.train, report.train_counts);
  if (!report.valid.empty()) print_part("held out", report.valid, report.valid_counts);
  fmt::print("[UNK]       {:.3f}% of the text's tokens\n", 100 * report.unknown_rate());
  if (report.outcome == PrepareOutcome::already_there) {
    fmt::print("nothing to do: these shards were made from the same text with the same settings\n");
    return;
  }
  print_notes(report.corpus);
  fmt::print("done in {}\n", duration_text(seconds));
}

void show(const RunConfig& config, const Vocabulary& vocabulary, const PrepareReport& report,
          std::uint64_t count) {
  const auto source = open_samples(report.train, {.vocabulary_hash = vocabulary.hash()});
  std::optional<Masker> masker;
  if (source->properties().masks == MaskTime::training) {
    masker.emplace(config.samples.mask, mask_vocabulary(vocabulary));
  }
  fmt::print("\n{}", show_samples(*source, vocabulary, masker ? &*masker : nullptr, config.run.seed,
                                  count));
}

}  // namespace

int run_prepare(const PrepareVerbOptions& options) {
  const LoadedConfig loaded = load_config(options.request);
  require_keys(loaded, {"corpus.text", "tokenizer.vocab", "samples.out"}, "prepare");
  const RunConfig& config = loaded.config;
  const auto start = std::chrono::steady_clock::now();
  const Vocabulary vocabulary = vocabulary_of(config);
  const PrepareReport report = prepare({.corpus = config.corpus,
                                        .tokenizer = config.tokenizer.options,
                                        .samples = config.samples,
                                        .seed = config.run.seed},
                                       vocabulary);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  print_report(report, seconds.count());
  if (options.show > 0) show(config, vocabulary, report, options.show);
  return static_cast<int>(ExitCode::ok);
}

}  // namespace bertyard
