// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "data/samples/shard_parameters.h"

namespace bertyard {

inline constexpr const char* kManifestName = "manifest.json";

// What was found and made.
struct ShardCounts {
  std::uint64_t documents = 0;
  std::uint64_t sentences = 0;
  std::uint64_t text_tokens = 0;     // WordPiece tokens of the text
  std::uint64_t unknown_tokens = 0;  // of these [UNK]
  std::uint64_t samples = 0;
  std::uint64_t sample_tokens = 0;  // with [CLS] and [SEP]
  std::uint64_t masked_tokens = 0;  // stored masks
  std::uint64_t random_next = 0;    // samples whose B was drawn; SOP: swapped
  bool operator==(const ShardCounts&) const = default;
};

struct ShardEntry {
  std::string file;  // beside the manifest
  std::uint64_t samples = 0;
  std::uint64_t tokens = 0;
  std::uint64_t bytes = 0;
  std::vector<std::uint64_t> block_hashes;  // XXH3 of every 1 MiB
  bool operator==(const ShardEntry&) const = default;
};

// How often each id stands where it could be masked: little-endian u64 [vocabulary_size] in a file
// beside the manifest. The add-one unigram of the baselines comes from it.
struct UnigramEntry {
  std::string file;
  std::uint64_t total = 0;
  std::uint64_t hash = 0;
  bool operator==(const UnigramEntry&) const = default;
};

// The contents of manifest.json beside the shards. Samples are numbered in the order of `shards`.
struct Manifest {
  ShardParameters parameters;
  ShardCounts counts;
  std::vector<ShardEntry> shards;
  std::optional<UnigramEntry> unigram;  // training part only
  std::string source{};  // what was read, a JSON object: counts, files with sizes and checksums
  bool operator==(const Manifest&) const = default;
};

// Throws DataError: missing, not JSON, damaged (it holds a checksum of itself), another version,
// counts that do not add up, file names that leave the directory.
Manifest read_manifest(const std::filesystem::path& directory);
void write_manifest(const std::filesystem::path& directory, const Manifest& manifest);

std::vector<std::uint64_t> read_unigram(const std::filesystem::path& directory,
                                        const Manifest& manifest);
// Writes the counts and returns their entry.
UnigramEntry write_unigram(const std::filesystem::path& directory,
                           const std::vector<std::uint64_t>& counts);

}  // namespace bertyard
