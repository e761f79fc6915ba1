// SPDX-License-Identifier: Apache-2.0
#include "launch/verbs/prepare_report.h"

#include <filesystem>
#include <optional>
#include <string>

#include <fmt/format.h>

#include "data/samples/masking.h"
#include "data/shards/open_samples.h"
#include "train/journal/console.h"

namespace bertyard {
namespace {

std::string counted(std::uint64_t count) {
  return grouped(static_cast<std::int64_t>(count));
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
  note(corpus.empty_documents, "empty documents, or surplus blank lines, were left out");
  note(corpus.cut_documents, "documents were longer than 8 MiB and were cut");
  note(corpus.lines_outside, "lines of text stand outside <doc ...> and </doc>");
  note(corpus.foreign_lines,
       "lines look like JSON or like <doc ...> but were read as text: is another corpus.layout "
       "meant, jsonl or wikiextractor?");
  note(corpus.bad_lines, "JSONL lines could not be used:");
}

}  // namespace

void print_prepare_report(const PrepareReport& report, double seconds) {
  print_part("train", report.train, report.train_counts);
  if (!report.valid.empty()) print_part("held out", report.valid, report.valid_counts);
  fmt::print("[UNK]       {:.3f}% of the text's tokens\n", 100 * report.unknown_rate());
  if (report.outcome == PrepareOutcome::already_there) {
    fmt::print("nothing to do: these shards were made from the same text with the same settings\n");
    return;
  }
  print_notes(report.corpus);
  for (const std::string& fault : report.faults) fmt::print("              {}\n", fault);
  fmt::print("done in {}\n", duration_text(seconds));
}

void print_repeated_texts(std::span<const std::string> repeated) {
  if (repeated.empty()) return;
  const std::size_t more = repeated.size() - 1;
  fmt::print("note        corpus.text names {} more than once{}: copies count as other documents\n",
             repeated.front(), more == 0 ? "" : fmt::format(", and {} more", counted(more)));
}

void print_samples(const RunConfig& config, const Vocabulary& vocabulary,
                   const PrepareReport& report, std::uint64_t count) {
  const auto source = open_samples(report.train, {.vocabulary_hash = vocabulary.hash()});
  std::optional<Masker> masker;
  if (source->properties().masks == MaskTime::training) {
    masker.emplace(config.samples.mask, mask_vocabulary(vocabulary));
  }
  fmt::print("\n{}", show_samples(*source, vocabulary, masker ? &*masker : nullptr, config.run.seed,
                                  count));
}

}  // namespace bertyard
