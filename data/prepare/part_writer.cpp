// SPDX-License-Identifier: Apache-2.0
#include "data/prepare/part_writer.h"

#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "core/base/error.h"
#include "data/files/directories.h"
#include "data/samples/google_samples.h"
#include "data/samples/masking.h"
#include "data/samples/sample_list.h"
#include "data/shards/hdf5_shard_writer.h"

namespace bertyard {
namespace {

// Keeps the masks of held-out samples apart from those of training samples with the same number.
constexpr std::uint64_t kValidMaskBit = std::uint64_t{1} << 63;
constexpr std::uint64_t kSamplesPerReport = 1024;

std::string_view stage_of(CorpusPart part) {
  return part == CorpusPart::train ? "train" : "valid";
}

bool made_by_prepare(const std::string& name) {
  return name == kManifestName || name == "unigram.bin" ||
         name.find(".tmp-") != std::string::npos ||
         (name.starts_with("shard-") && name.ends_with(".h5"));
}

SampleList build_samples(const ShardParameters& parameters, const CorpusSplit& part,
                         const SpecialTokens& special, const ProgressCallback& progress) {
  const SampleBuilder builder(part.corpus, {.seed = parameters.seed,
                                            .max_length = parameters.max_length,
                                            .short_sequence = parameters.short_sequence,
                                            .next_sentence = parameters.next_sentence,
                                            .cls = special.cls,
                                            .sep = special.sep});
  SampleList list;
  const auto add = [&](const Sample& sample) { list.add(sample); };
  const auto rounds = static_cast<std::uint32_t>(parameters.duplicate);
  for (std::uint32_t round = 0; round < rounds; ++round) {
    for (std::size_t document = 0; document < part.corpus.document_count(); ++document) {
      builder.build(document, round, add);
    }
  }
  list.shuffle(parameters.seed, static_cast<std::uint64_t>(parameters.part));
  if (progress) progress({stage_of(parameters.part), 0, list.size()});
  return list;
}

// Writes samples into shards of a directory and keeps the manifest's numbers.
class ShardSequence {
 public:
  ShardSequence(std::filesystem::path directory, Manifest& manifest, const Vocabulary& vocabulary)
      : directory_(std::move(directory)),
        manifest_(manifest),
        special_(vocabulary.special()),
        unigram_(vocabulary.size(), 0),
        writer_(std::make_unique<ShardWriter>(manifest.parameters)) {
    if (manifest.parameters.mask.when == MaskTime::prepare) {
      masker_.emplace(manifest.parameters.mask, mask_vocabulary(vocabulary));
    }
  }

  void add(Sample& sample) {
    count(sample, {});
    if (masker_) {
      const std::uint64_t bit = manifest_.parameters.part == CorpusPart::valid ? kValidMaskBit : 0;
      masker_->mask(sample.tokens,
                    {.seed = manifest_.parameters.seed,
                     .epoch = kFixedMaskEpoch,
                     .sample_id = (manifest_.counts.samples - 1) | bit},
                    masked_);
      store(sample, masked_);
    } else {
      writer_->add(sample);
    }
    if (writer_->bytes() >= manifest_.parameters.shard_bytes) flush();
  }

  // A sample that is masked already.
  void add(const Sample& sample, const MaskedTokens& masked) {
    count(sample, masked);
    store(sample, masked);
    if (writer_->bytes() >= manifest_.parameters.shard_bytes) flush();
  }

  void finish() {
    if (writer_->samples() > 0) flush();
    if (manifest_.parameters.part == CorpusPart::train) {
      manifest_.unigram = write_unigram(directory_, unigram_);
    }
    write_manifest(directory_, manifest_);
  }

 private:
  void store(const Sample& sample, const MaskedTokens& masked) {
    manifest_.counts.masked_tokens += masked.positions.size();
    writer_->add(sample, masked);
  }

  bool is_text(std::uint32_t token) const { return token != special_.cls && token != special_.sep; }

  // `masked`: what stood there before.
  void count(const Sample& sample, const MaskedTokens& masked) {
    ++manifest_.counts.samples;
    manifest_.counts.sample_tokens += sample.tokens.size();
    manifest_.counts.random_next += sample.is_random_next ? 1 : 0;
    for (const std::uint32_t token : sample.tokens) {
      if (is_text(token)) ++unigram_[token];
    }
    for (std::size_t i = 0; i < masked.positions.size(); ++i) {
      const std::uint32_t token = sample.tokens[masked.positions[i]];
      if (is_text(token)) --unigram_[token];
      ++unigram_[masked.labels[i]];
    }
  }

  void flush() {
    const std::string name = fmt::format("shard-{:05}.h5", manifest_.shards.size());
    manifest_.shards.push_back(writer_->write(directory_ / name));
    writer_ = std::make_unique<ShardWriter>(manifest_.parameters);
  }

  std::filesystem::path directory_;
  Manifest& manifest_;
  SpecialTokens special_;
  std::vector<std::uint64_t> unigram_;
  std::unique_ptr<ShardWriter> writer_;
  std::optional<Masker> masker_;
  MaskedTokens masked_;
};

void add_built_samples(ShardSequence& shards, const ShardParameters& parameters,
                       const CorpusSplit& part, const Vocabulary& vocabulary,
                       const ProgressCallback& progress) {
  const SampleList samples = build_samples(parameters, part, vocabulary.special(), progress);
  Sample sample;
  for (std::uint64_t place = 0; place < samples.size(); ++place) {
    samples.get(place, sample);
    shards.add(sample);
    if (progress && place % kSamplesPerReport == 0) {
      progress({stage_of(parameters.part), place, samples.size()});
    }
  }
}

void add_google_samples(ShardSequence& shards, const ShardParameters& parameters,
                        const CorpusSplit& part, const Vocabulary& vocabulary) {
  make_google_samples(
      part.corpus, mask_vocabulary(vocabulary),
      {.seed = parameters.seed,
       .rules = parameters.sampling,
       .max_length = parameters.max_length,
       .short_sequence = parameters.short_sequence,
       .duplicate = parameters.duplicate,
       .mask = parameters.mask},
      [&](const Sample& sample, const MaskedTokens& masked) { shards.add(sample, masked); });
}

ShardCounts text_counts(const CorpusSplit& part) {
  ShardCounts counts;
  counts.documents = part.corpus.document_count();
  counts.sentences = part.corpus.sentence_count();
  counts.text_tokens = part.corpus.token_count();
  counts.unknown_tokens = part.unknown_tokens;
  return counts;
}

}  // namespace

void put_in_place(const std::filesystem::path& temporary, const std::filesystem::path& directory) {
  sync_directory(temporary);
  std::filesystem::remove_all(directory);
  std::filesystem::rename(temporary, directory);
  sync_directory(directory.parent_path());
}

std::optional<Manifest> finished_part(const std::filesystem::path& directory,
                                      const ShardParameters& parameters) {
  auto manifest = finished_part_of_any_source(directory, parameters);
  if (!manifest || manifest->parameters.source_hash != parameters.source_hash) return std::nullopt;
  return manifest;
}

std::optional<Manifest> finished_part_of_any_source(const std::filesystem::path& directory,
                                                    ShardParameters parameters) {
  try {
    Manifest manifest = read_manifest(directory);
    parameters.source_hash = manifest.parameters.source_hash;
    if (!(manifest.parameters == parameters)) return std::nullopt;
    for (const ShardEntry& shard : manifest.shards) {
      std::error_code error;
      if (std::filesystem::file_size(directory / shard.file, error) != shard.bytes || error) {
        return std::nullopt;
      }
    }
    return manifest;
  } catch (const DataError&) {
    return std::nullopt;  // missing or damaged: it will be made
  }
}

void check_replaceable(const std::filesystem::path& directory) {
  if (!std::filesystem::exists(directory)) return;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    const std::string name = entry.path().filename().string();
    if (made_by_prepare(name)) continue;
    throw UsageError(fmt::format(
        "{}: holds '{}', which prepare did not make and would delete; move it away or choose "
        "another samples.out",
        directory.string(), name));
  }
}

Manifest write_part(const std::filesystem::path& directory, const ShardParameters& parameters,
                    const CorpusSplit& part, const Vocabulary& vocabulary,
                    const ProgressCallback& progress) {
  std::filesystem::path temporary = directory;
  temporary += ".tmp-prepare";
  std::filesystem::remove_all(temporary);
  std::filesystem::create_directories(temporary);
  Manifest manifest{parameters, text_counts(part), {}, std::nullopt};
  ShardSequence shards(temporary, manifest, vocabulary);
  if (parameters.sampling == Sampling::bertyard) {
    add_built_samples(shards, parameters, part, vocabulary, progress);
  } else {
    add_google_samples(shards, parameters, part, vocabulary);
  }
  shards.finish();
  put_in_place(temporary, directory);
  return manifest;
}

}  // namespace bertyard
