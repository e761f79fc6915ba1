// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <optional>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "data/prepare/prepare.h"
#include "data/samples/masking.h"
#include "data/shards/manifest.h"
#include "data/shards/open_samples.h"
#include "data/shards/shard_dataset.h"
#include "launch/console/text_table.h"
#include "launch/inspect/inspect_parts.h"
#include "launch/inspect/sample_figures.h"
#include "launch/run/find_vocabulary.h"

namespace bertyard {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kReadSamples = 10000;  // for what needs their tokens
constexpr int kMostSegments = 256;             // any file is to be shown
constexpr std::size_t kShownShards = 16;

std::string count_text(std::uint64_t count) {
  return grouped(static_cast<std::int64_t>(count));
}

std::vector<BannerRow> property_rows(const SourceProperties& properties) {
  std::vector<BannerRow> rows = {
      {"layout", properties.layout},
      {"samples", count_text(properties.samples)},
      {"tokens", count_text(properties.tokens)},
      {"longest", fmt::format("{} tokens", properties.max_length)},
  };
  if (properties.vocabulary_hash) {
    rows.push_back(
        {"vocabulary", fmt::format("{} entries, hash {}", grouped(properties.vocabulary_size),
                                   hash_text(*properties.vocabulary_hash))});
  }
  return rows;
}

void add_figures(const SampleSource& source, const Vocabulary* vocabulary,
                 std::vector<BannerRow>& rows) {
  const SampleFigures figures = sample_figures(source, kReadSamples, vocabulary);
  if (has_sentence_pairs(source.properties().next_sentence)) {
    const bool order = source.properties().next_sentence == NextSentence::sop;
    rows.push_back(
        {order ? "swapped" : "random next", percent(figures.random_next, figures.samples)});
  }
  if (source.properties().masks == MaskTime::training) {
    rows.push_back({"masks", "drawn anew in every epoch"});
  } else {
    std::string text =
        fmt::format("stored, {} of the tokens", percent(figures.masked, figures.tokens));
    if (vocabulary != nullptr) {
      text += fmt::format(
          ": {} [MASK], {} random, {} kept", percent(figures.replaced, figures.masked),
          percent(figures.randomized, figures.masked), percent(figures.kept, figures.masked));
    }
    rows.push_back({"masks", text});
  }
  if (vocabulary != nullptr) {
    rows.push_back(
        {"[UNK]", fmt::format("{} of the tokens", percent(figures.unknown, figures.tokens))});
  }
  if (figures.samples < source.size()) {
    rows.push_back(
        {"", fmt::format("(shares over the first {} samples)", count_text(figures.samples))});
  }
}

std::string settings_text(const ShardParameters& made) {
  const MaskOptions& mask = made.mask;
  return section_text(
      "made with",
      {{"part", made.part == CorpusPart::train ? "train" : "valid"},
       {"sampling", made.sampling == Sampling::bertyard ? "bertyard"
                    : made.sampling == Sampling::google ? "google"
                                                        : "nvidia"},
       {"seed", fmt::format("{}", made.seed)},
       {"length", fmt::format("{}, {:g}% of them shorter, duplicate {}", made.max_length,
                              100 * made.short_sequence, made.duplicate)},
       {"masking",
        fmt::format("{:g}% of the {}s, at most {}; {:g}% [MASK], {:g}% random, {:g}% kept",
                    100 * mask.rate,
                    mask.unit == MaskUnit::token  ? "token"
                    : mask.unit == MaskUnit::word ? "word"
                                                  : "span",
                    mask.max_predictions, 100 * mask.replace, 100 * mask.random, 100 * mask.keep)},
       {"tokenizer", made.tokenizer.lower_case ? "lower-casing" : "cased"},
       {"source", fmt::format("hash {}", hash_text(made.source_hash))}});
}

std::string manifest_text(const Manifest& manifest) {
  const ShardCounts& counts = manifest.counts;
  std::string text = section_text(
      "text", {{"documents", count_text(counts.documents)},
               {"sentences", count_text(counts.sentences)},
               {"tokens", fmt::format("{}, {} of them [UNK] ({})", count_text(counts.text_tokens),
                                      count_text(counts.unknown_tokens),
                                      percent(counts.unknown_tokens, counts.text_tokens))}});
  TextTable table(
      {{"shard"}, {"samples", Align::right}, {"tokens", Align::right}, {"bytes", Align::right}});
  for (std::size_t i = 0; i < manifest.shards.size() && i < kShownShards; ++i) {
    const ShardEntry& shard = manifest.shards[i];
    table.add(
        {shard.file, count_text(shard.samples), count_text(shard.tokens), count_text(shard.bytes)});
  }
  text += "\n" + table.text();
  if (manifest.shards.size() > kShownShards) {
    text += fmt::format("  ... {} more\n", manifest.shards.size() - kShownShards);
  }
  return text;
}

std::string decoded_text(const InspectOptions& options, const SampleSource& source,
                         const Vocabulary* vocabulary, const ShardParameters* made) {
  if (vocabulary == nullptr) {
    throw UsageError(
        fmt::format("{}: to decode samples needs their vocabulary, and there is none "
                    "beside them; name it: --vocab vocab.txt",
                    options.path));
  }
  std::optional<Masker> masker;
  if (source.properties().masks == MaskTime::training && made != nullptr) {
    masker.emplace(made->mask, mask_vocabulary(*vocabulary));
  }
  return "\n" + show_samples(source, *vocabulary, masker ? &*masker : nullptr,
                             made != nullptr ? made->seed : 0, options.samples);
}

}  // namespace

std::string inspect_samples(const InspectOptions& options) {
  SampleExpectations anything;
  anything.segments = kMostSegments;
  const auto source = open_samples(options.path, anything);
  const SourceProperties& properties = source->properties();
  const auto found = find_vocabulary(options.vocab, options.path, properties.vocabulary_hash);
  const Vocabulary* vocabulary = found ? &*found : nullptr;
  const auto* shards = dynamic_cast<const ShardDataset*>(source.get());
  const ShardParameters* made = shards != nullptr ? &shards->parameters() : nullptr;

  std::vector<BannerRow> rows = property_rows(properties);
  add_figures(*source, vocabulary, rows);
  for (const std::string& warning : properties.warnings) rows.push_back({"warning", warning});
  std::string text = section_text(fmt::format("samples {}", properties.path), rows);
  text += "\n" + length_histogram(*source);
  if (made != nullptr) text += "\n" + settings_text(*made);
  if (fs::exists(fs::path(options.path) / kManifestName))
    text += "\n" + manifest_text(read_manifest(options.path));
  if (options.samples > 0) text += decoded_text(options, *source, vocabulary, made);
  return text;
}

}  // namespace bertyard
