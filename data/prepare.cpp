// SPDX-License-Identifier: Apache-2.0
#include "data/prepare.h"

#include <optional>

#include <fmt/format.h>

#include "core/base/error.h"
#include "data/google_samples.h"
#include "data/part_writer.h"
#include "data/split_corpus.h"

namespace bertyard {
namespace {

void check_options(const PrepareOptions& options) {
  if (options.samples.out.empty()) {
    throw UsageError("prepare: samples.out is empty; name the directory for the samples");
  }
  if (options.samples.duplicate < 1) {
    throw UsageError(fmt::format("prepare: samples.duplicate is {}, expected 1 or more",
                                 options.samples.duplicate));
  }
  if (!(options.corpus.held_out >= 0 && options.corpus.held_out < 1)) {
    throw UsageError(fmt::format("prepare: corpus.held_out is {}, expected 0 to below 1",
                                 options.corpus.held_out));
  }
  check_google_settings(options.samples.sampling, options.samples.next_sentence,
                        options.samples.mask);
}

ShardParameters make_parameters(const PrepareOptions& options, const Vocabulary& vocabulary,
                                CorpusPart part, std::uint64_t source_hash) {
  ShardParameters parameters;
  parameters.part = part;
  parameters.seed = options.seed;
  parameters.source_hash = source_hash;
  parameters.vocabulary_hash = vocabulary.hash();
  parameters.vocabulary_size = static_cast<std::uint32_t>(vocabulary.size());
  parameters.tokenizer = options.tokenizer;
  parameters.sampling = options.samples.sampling;
  parameters.max_length = options.samples.max_length;
  parameters.short_sequence = options.samples.short_sequence;
  parameters.next_sentence = options.samples.next_sentence;
  parameters.duplicate = part == CorpusPart::train ? options.samples.duplicate : 1;
  parameters.mask = options.samples.mask;
  if (part == CorpusPart::valid) parameters.mask.when = MaskTime::prepare;
  parameters.shard_bytes = options.samples.shard_bytes;
  return parameters;
}

void check_documents(const CorpusSplit& part, const char* name, const PrepareOptions& options) {
  const bool draws_others = options.samples.next_sentence == NextSentence::nsp &&
                            options.samples.sampling == Sampling::bertyard;
  const std::size_t needed = draws_others ? 2 : 1;
  const std::size_t found = part.corpus.document_count();
  if (found >= needed) return;
  throw DataError(fmt::format(
      "prepare: the {} part has {} document(s), needs {}{}; give more text, check corpus.layout, "
      "or change corpus.held_out ({}; 0 holds nothing out)",
      name, found, needed, needed == 2 ? " for next-sentence pairs" : "", options.corpus.held_out));
}

// The two directories of a set of samples.
struct Places {
  std::filesystem::path train;
  std::filesystem::path valid;
};

// The report of what is there already, when all of it is.
std::optional<PrepareReport> already_there(const PrepareOptions& options,
                                           const Vocabulary& vocabulary, const Places& places,
                                           std::uint64_t source_hash) {
  PrepareReport report;
  report.outcome = PrepareOutcome::already_there;
  report.train = places.train;
  const auto train = finished_part(
      places.train, make_parameters(options, vocabulary, CorpusPart::train, source_hash));
  if (!train) return std::nullopt;
  report.train_counts = train->counts;
  if (options.corpus.held_out == 0) return report;
  const auto valid = finished_part(
      places.valid, make_parameters(options, vocabulary, CorpusPart::valid, source_hash));
  if (!valid) return std::nullopt;
  report.valid = places.valid;
  report.valid_counts = valid->counts;
  return report;
}

PrepareReport make(const PrepareOptions& options, const Vocabulary& vocabulary,
                   const ProgressCallback& progress) {
  const Places places{std::filesystem::path(options.samples.out) / "train",
                      std::filesystem::path(options.samples.out) / "valid"};
  const std::optional<std::uint64_t> of_files = hash_source(options.corpus);
  if (of_files) {
    if (auto report = already_there(options, vocabulary, places, *of_files)) return *report;
  }
  check_replaceable(places.train);
  check_replaceable(places.valid);
  std::filesystem::create_directories(options.samples.out);
  const SplitCorpus split = read_split_corpus(options, vocabulary, progress);
  check_documents(split.train, "training", options);
  if (options.corpus.held_out > 0) check_documents(split.valid, "held-out", options);

  const std::uint64_t source_hash = of_files.value_or(split.text_hash);
  PrepareReport report;
  report.train = places.train;
  report.corpus = split.counts;
  const auto write = [&](CorpusPart part, const std::filesystem::path& place) {
    return write_part(place, make_parameters(options, vocabulary, part, source_hash),
                      part == CorpusPart::train ? split.train : split.valid, vocabulary, progress)
        .counts;
  };
  report.train_counts = write(CorpusPart::train, places.train);
  if (options.corpus.held_out > 0) {
    report.valid = places.valid;
    report.valid_counts = write(CorpusPart::valid, places.valid);
  } else {
    std::filesystem::remove_all(places.valid);
  }
  return report;
}

}  // namespace

double PrepareReport::unknown_rate() const {
  const std::uint64_t tokens = train_counts.text_tokens + valid_counts.text_tokens;
  const std::uint64_t unknown = train_counts.unknown_tokens + valid_counts.unknown_tokens;
  return tokens == 0 ? 0 : static_cast<double>(unknown) / static_cast<double>(tokens);
}

PrepareReport prepare(const PrepareOptions& options, const Vocabulary& vocabulary,
                      const ProgressCallback& progress) {
  check_options(options);
  try {
    return make(options, vocabulary, progress);
  } catch (const std::filesystem::filesystem_error& error) {
    throw IoError(fmt::format("prepare: {}", error.what()));
  }
}

}  // namespace bertyard
