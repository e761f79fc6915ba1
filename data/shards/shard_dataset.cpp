// SPDX-License-Identifier: Apache-2.0
#include "data/shards/shard_dataset.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "data/samples/masking.h"

namespace bertyard {

void check_vocabulary(const std::filesystem::path& path, const ShardParameters& parameters,
                      const SampleExpectations& expectations) {
  const bool size_differs = expectations.vocabulary_size != 0 &&
                            expectations.vocabulary_size != parameters.vocabulary_size;
  const bool hash_differs = expectations.vocabulary_hash.has_value() &&
                            *expectations.vocabulary_hash != parameters.vocabulary_hash;
  if (!size_differs && !hash_differs) return;
  const std::string wanted = expectations.vocabulary_hash
                                 ? " with hash " + hash_text(*expectations.vocabulary_hash)
                                 : std::string();
  throw DataError(fmt::format(
      "{}: made with a vocabulary of {} entries with hash {}, expected {} entries{}; use the "
      "vocabulary that the data were made with, or run prepare again",
      path.string(), parameters.vocabulary_size, hash_text(parameters.vocabulary_hash),
      expectations.vocabulary_size != 0 ? expectations.vocabulary_size : parameters.vocabulary_size,
      wanted));
}

ShardDataset::ShardDataset(const std::filesystem::path& directory,
                           const SampleExpectations& expectations) {
  const Manifest manifest = read_manifest(directory);
  check_vocabulary(directory, manifest.parameters, expectations);
  if (manifest.shards.empty()) {
    throw DataError(
        fmt::format("{}: the manifest names no shards; run prepare again", directory.string()));
  }
  for (const ShardEntry& entry : manifest.shards) {
    add(directory / entry.file, &entry, &manifest.parameters);
  }
  describe(directory, expectations);
}

ShardDataset ShardDataset::of_file(const std::filesystem::path& file,
                                   const SampleExpectations& expectations) {
  ShardDataset dataset;
  const std::filesystem::path directory = file.has_parent_path() ? file.parent_path() : ".";
  if (std::filesystem::exists(directory / kManifestName)) {
    const Manifest manifest = read_manifest(directory);
    const auto named = std::find_if(
        manifest.shards.begin(), manifest.shards.end(),
        [&](const ShardEntry& entry) { return entry.file == file.filename().string(); });
    if (named != manifest.shards.end()) dataset.add(file, &*named, &manifest.parameters);
  }
  if (dataset.shards_.empty()) {
    dataset.add(file, nullptr, nullptr);
    dataset.properties_.warnings.push_back(
        fmt::format("{}: no manifest.json beside it names it, so its checksums cannot be checked",
                    file.string()));
  }
  dataset.describe(file, expectations);
  return dataset;
}

void ShardDataset::add(const std::filesystem::path& file, const ShardEntry* entry,
                       const ShardParameters* expected) {
  ShardReader shard(file, entry);
  if (expected != nullptr && !(shard.parameters() == *expected)) {
    throw DataError(fmt::format(
        "{}: made with other parameters than the manifest beside it says; run prepare again",
        file.string()));
  }
  first_sample_.push_back(first_sample_.back() + shard.samples());
  properties_.tokens += shard.tokens();
  shards_.push_back(std::move(shard));
}

void ShardDataset::describe(const std::filesystem::path& path,
                            const SampleExpectations& expectations) {
  const ShardParameters& made_with = parameters();
  check_vocabulary(path, made_with, expectations);
  properties_.path = path.string();
  properties_.layout = "bertyard shards";
  properties_.samples = first_sample_.back();
  properties_.max_length = made_with.max_length;
  properties_.masks = made_with.mask.when;
  properties_.max_masked =
      properties_.masks == MaskTime::prepare ? max_masked(made_with.max_length, made_with.mask) : 0;
  properties_.next_sentence = made_with.next_sentence;
  properties_.segments = has_sentence_pairs(made_with.next_sentence) ? 2 : 1;
  properties_.vocabulary_hash = made_with.vocabulary_hash;
  properties_.identity = made_with.source_hash;
  properties_.vocabulary_size = made_with.vocabulary_size;
  if (made_with.converted_from.empty()) properties_.tokenizer = made_with.tokenizer;
  if (properties_.samples == 0) {
    throw DataError(fmt::format("{}: holds no samples; run prepare again", path.string()));
  }
  if (properties_.segments > expectations.segments) {
    throw DataError(fmt::format("{}: its samples have {} segments, the model has {} segment types",
                                path.string(), properties_.segments, expectations.segments));
  }
}

ShardDataset::Place ShardDataset::find(std::uint64_t index) const {
  BERTYARD_CHECK(index < properties_.samples,
                 fmt::format("{}: sample {} of {}", properties_.path, index, properties_.samples));
  const auto after = std::upper_bound(first_sample_.begin(), first_sample_.end(), index);
  const auto shard = static_cast<std::size_t>(after - first_sample_.begin()) - 1;
  return {shards_[shard], index - first_sample_[shard]};
}

SampleShape ShardDataset::shape(std::uint64_t index) const {
  const Place place = find(index);
  return place.shard.shape(place.index);
}

void ShardDataset::read(std::uint64_t index, StoredSample& sample) const {
  const Place place = find(index);
  place.shard.read(place.index, sample);
}

void ShardDataset::prefetch_shape(std::uint64_t index) const {
  const Place place = find(index);
  place.shard.prefetch_shape(place.index);
}

void ShardDataset::prefetch(std::uint64_t index) const {
  const Place place = find(index);
  place.shard.prefetch(place.index);
}

void ShardDataset::verify() const {
  for (const ShardReader& shard : shards_) shard.verify();
}

}  // namespace bertyard
