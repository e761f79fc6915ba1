// SPDX-License-Identifier: Apache-2.0
#include "data/prepare/prepare.h"

#include <algorithm>
#include <span>

#include <fmt/format.h>

#include "core/base/error.h"
#include "data/files/checked_file.h"
#include "data/prepare/part_writer.h"
#include "data/prepare/prepare_job.h"
#include "data/prepare/prepare_memory.h"
#include "data/prepare/split_corpus.h"
#include "data/samples/google_samples.h"
#include "data/text/byte_source.h"

namespace bertyard {

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

void check_documents(CorpusPart part, std::size_t found, const PrepareOptions& options) {
  const bool draws_others = options.samples.next_sentence == NextSentence::nsp &&
                            options.samples.sampling == Sampling::bertyard;
  const std::size_t needed = draws_others ? 2 : 1;
  if (found >= needed) return;
  throw DataError(fmt::format(
      "prepare: the {} part has {} document(s), needs {}{}; give more text, check corpus.layout, "
      "or change corpus.held_out ({}; 0 holds nothing out)",
      part == CorpusPart::train ? "training" : "held-out", found, needed,
      needed == 2 ? " for next-sentence pairs" : "", options.corpus.held_out));
}

bool needs_whole_corpus(Sampling sampling) {
  return sampling != Sampling::bertyard;
}

void save_standard_input(CorpusOptions& corpus, const std::filesystem::path& directory) {
  const auto entry = std::find(corpus.text.begin(), corpus.text.end(), "-");
  if (entry == corpus.text.end()) return;
  std::filesystem::create_directories(directory);
  const std::filesystem::path path = directory / "standard-input.txt";
  WorkFile file(path);
  const auto source = open_byte_source("-");
  std::vector<char> buffer(std::size_t{1} << 20);
  while (const std::size_t size = source->read(buffer)) {
    file.append(std::as_bytes(std::span(buffer).first(size)));
  }
  file.close();
  *entry = path.string();
}

double PrepareReport::unknown_rate() const {
  const std::uint64_t tokens = train_counts.text_tokens + valid_counts.text_tokens;
  const std::uint64_t unknown = train_counts.unknown_tokens + valid_counts.unknown_tokens;
  return tokens == 0 ? 0 : static_cast<double>(unknown) / static_cast<double>(tokens);
}

PrepareReport prepare_in_memory(const PrepareOptions& options, const Vocabulary& vocabulary,
                                const ProgressCallback& progress) {
  check_options(options);
  const std::filesystem::path out = options.samples.out;
  for (const char* name : {"train", "valid"}) check_replaceable(out / name);
  const std::uint64_t source_hash = hash_source(options.corpus, options.unit_bytes);
  const SplitCorpus split = read_split_corpus(options, vocabulary, progress);
  const bool holds_out = options.corpus.held_out > 0;
  check_documents(CorpusPart::train, split.train.corpus.document_count(), options);
  if (holds_out) check_documents(CorpusPart::valid, split.valid.corpus.document_count(), options);
  std::filesystem::create_directories(out);
  PrepareReport report;
  report.corpus = split.counts;
  const auto write = [&](CorpusPart part, const std::filesystem::path& place) {
    return write_part(place, make_parameters(options, vocabulary, part, source_hash),
                      part == CorpusPart::train ? split.train : split.valid, vocabulary, progress)
        .counts;
  };
  report.train = out / "train";
  report.train_counts = write(CorpusPart::train, report.train);
  if (!holds_out) {
    std::filesystem::remove_all(out / "valid");
    return report;
  }
  report.valid = out / "valid";
  report.valid_counts = write(CorpusPart::valid, report.valid);
  return report;
}

PrepareReport prepare(const PrepareOptions& options, const Vocabulary& vocabulary,
                      const ProgressCallback& progress) {
  check_options(options);
  try {
    PrepareJob job(options, vocabulary, progress);
    if (const auto report = job.already_there()) return *report;
    if (needs_whole_corpus(options.samples.sampling)) {
      return prepare_in_memory(options, vocabulary, progress);
    }
    check_memory(options);
    job.open();
    job.run_text({});
    job.run_shards({});
    return job.finish();
  } catch (const std::filesystem::filesystem_error& error) {
    throw IoError(fmt::format("prepare: {}", error.what()));
  }
}

}  // namespace bertyard
