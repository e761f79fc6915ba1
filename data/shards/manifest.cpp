// SPDX-License-Identifier: Apache-2.0
#include "data/shards/manifest.h"

#include <cstddef>
#include <span>
#include <system_error>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "data/files/atomic_file.h"
#include "data/files/file_writer.h"
#include "data/files/json_integer.h"

namespace bertyard {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ShardCounts, documents, sentences, text_tokens, unknown_tokens,
                                   samples, sample_tokens, masked_tokens, random_next)

namespace {

using Json = nlohmann::json;

ShardCounts parse_counts(const Json& json) {
  ShardCounts counts;
  counts.documents = read_integer<std::uint64_t>(json, "documents");
  counts.sentences = read_integer<std::uint64_t>(json, "sentences");
  counts.text_tokens = read_integer<std::uint64_t>(json, "text_tokens");
  counts.unknown_tokens = read_integer<std::uint64_t>(json, "unknown_tokens");
  counts.samples = read_integer<std::uint64_t>(json, "samples");
  counts.sample_tokens = read_integer<std::uint64_t>(json, "sample_tokens");
  counts.masked_tokens = read_integer<std::uint64_t>(json, "masked_tokens");
  counts.random_next = read_integer<std::uint64_t>(json, "random_next");
  return counts;
}

Json shard_json(const ShardEntry& shard) {
  Json hashes = Json::array();
  for (const std::uint64_t hash : shard.block_hashes) hashes.push_back(hash_text(hash));
  return {{"file", shard.file},
          {"samples", shard.samples},
          {"tokens", shard.tokens},
          {"bytes", shard.bytes},
          {"xxh3_blocks", std::move(hashes)}};
}

std::string plain_file_name(const Json& json) {
  auto name = json.at("file").get<std::string>();
  if (name.empty() || name.front() == '.' || name.find('/') != std::string::npos) {
    throw DataError(fmt::format("file name '{}' is not one beside the manifest", name));
  }
  return name;
}

ShardEntry parse_shard(const Json& json) {
  ShardEntry shard;
  shard.file = plain_file_name(json);
  shard.samples = read_integer<std::uint64_t>(json, "samples");
  shard.tokens = read_integer<std::uint64_t>(json, "tokens");
  shard.bytes = read_integer<std::uint64_t>(json, "bytes");
  for (const Json& hash : json.at("xxh3_blocks")) {
    shard.block_hashes.push_back(parse_hash(hash.get_ref<const std::string&>()));
  }
  return shard;
}

UnigramEntry parse_unigram(const Json& json) {
  return {plain_file_name(json), read_integer<std::uint64_t>(json, "total"),
          parse_hash(json.at("xxh3").get_ref<const std::string&>())};
}

void check_sums(const Manifest& manifest) {
  std::uint64_t samples = 0;
  std::uint64_t tokens = 0;
  for (const ShardEntry& shard : manifest.shards) {
    samples += shard.samples;
    tokens += shard.tokens;
  }
  if (samples != manifest.counts.samples || tokens != manifest.counts.sample_tokens) {
    throw DataError(
        fmt::format("its shards have {} samples of {} tokens together, its counts say {} of {}",
                    samples, tokens, manifest.counts.samples, manifest.counts.sample_tokens));
  }
}

// The checksum covers the rest of the object as nlohmann-json writes it: keys sorted, no spaces.
std::string checksum(Json json) {
  json.erase("checksum");
  return hash_text(xxh3(json.dump()));
}

Manifest parse(const Json& json, const std::string& origin) {
  if (const auto version = read_integer<int>(json, "format_version");
      version != kShardFormatVersion) {
    throw DataError(fmt::format("format version {}, this program reads {}; run prepare again",
                                version, kShardFormatVersion));
  }
  if (json.at("checksum") != checksum(json)) {
    throw DataError("its checksum is wrong: it was changed or damaged; run prepare again");
  }
  Manifest manifest;
  manifest.parameters = parse_shard_parameters(json.at("parameters").dump(), origin);
  manifest.counts = parse_counts(json.at("counts"));
  for (const Json& shard : json.at("shards")) manifest.shards.push_back(parse_shard(shard));
  if (json.contains("unigram")) manifest.unigram = parse_unigram(json.at("unigram"));
  if (json.contains("source")) manifest.source = json.at("source").dump();
  check_sums(manifest);
  return manifest;
}

std::string read_present(const std::filesystem::path& path, const char* missing) {
  std::error_code ignored;
  if (std::filesystem::exists(path, ignored)) return read_file(path);
  throw DataError(fmt::format("{}: {}", path.string(), missing));
}

}  // namespace

Manifest read_manifest(const std::filesystem::path& directory) {
  const std::filesystem::path path = directory / kManifestName;
  const std::string text =
      read_present(path, "missing; expected a directory that 'bertyard prepare' has finished");
  try {
    return parse(Json::parse(text), path.string());
  } catch (const Json::exception& error) {
    throw DataError(fmt::format("{}: damaged: {}", path.string(), error.what()));
  } catch (const DataError& error) {
    throw DataError(fmt::format("{}: {}", path.string(), error.what()));
  }
}

void write_manifest(const std::filesystem::path& directory, const Manifest& manifest) {
  Json json{{"format", "bertyard samples"},
            {"format_version", kShardFormatVersion},
            {"parameters", Json::parse(to_json(manifest.parameters))},
            {"counts", manifest.counts}};
  json["shards"] = Json::array();
  for (const ShardEntry& shard : manifest.shards) json["shards"].push_back(shard_json(shard));
  if (manifest.unigram) {
    json["unigram"] = {{"file", manifest.unigram->file},
                       {"total", manifest.unigram->total},
                       {"xxh3", hash_text(manifest.unigram->hash)}};
  }
  if (!manifest.source.empty()) json["source"] = Json::parse(manifest.source);
  json["checksum"] = checksum(json);
  write_file_atomically(directory / kManifestName, json.dump(1) + "\n");
}

std::vector<std::uint64_t> read_unigram(const std::filesystem::path& directory,
                                        const Manifest& manifest) {
  if (!manifest.unigram) {
    throw DataError(
        fmt::format("{}: the manifest names no unigram counts; expected the training "
                    "part that 'bertyard prepare' makes",
                    (directory / kManifestName).string()));
  }
  const std::filesystem::path path = directory / manifest.unigram->file;
  const std::string content = read_present(path, "missing, but the manifest beside it names it");
  const std::size_t expected = manifest.parameters.vocabulary_size * sizeof(std::uint64_t);
  if (content.size() != expected || xxh3(content) != manifest.unigram->hash) {
    throw DataError(
        fmt::format("{}: damaged: {} bytes with checksum {}, the manifest expects {} "
                    "with {}; run prepare again",
                    path.string(), content.size(), hash_text(xxh3(content)), expected,
                    hash_text(manifest.unigram->hash)));
  }
  std::vector<std::uint64_t> counts(manifest.parameters.vocabulary_size);
  content.copy(reinterpret_cast<char*>(counts.data()), content.size());
  return counts;
}

UnigramEntry write_unigram(const std::filesystem::path& directory,
                           const std::vector<std::uint64_t>& counts) {
  const std::string_view content(reinterpret_cast<const char*>(counts.data()),
                                 counts.size() * sizeof(std::uint64_t));
  UnigramEntry entry{"unigram.bin", 0, xxh3(content)};
  for (const std::uint64_t count : counts) entry.total += count;
  write_file_atomically(directory / entry.file, content);
  return entry;
}

}  // namespace bertyard
