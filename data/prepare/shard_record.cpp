// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "data/prepare/shard_job.h"

namespace bertyard {
namespace {

using Json = nlohmann::json;

Json counts_json(const ShardCounts& counts) {
  return {counts.samples, counts.sample_tokens, counts.masked_tokens, counts.random_next};
}

ShardRecord parse(const Json& json, std::string_view unigram) {
  ShardRecord record;
  json.at("file").get_to(record.entry.file);
  json.at("samples").get_to(record.entry.samples);
  json.at("tokens").get_to(record.entry.tokens);
  json.at("bytes").get_to(record.entry.bytes);
  for (const Json& hash : json.at("blocks")) {
    record.entry.block_hashes.push_back(parse_hash(hash.get_ref<const std::string&>()));
  }
  const Json& counts = json.at("counts");
  record.counts.samples = counts.at(0);
  record.counts.sample_tokens = counts.at(1);
  record.counts.masked_tokens = counts.at(2);
  record.counts.random_next = counts.at(3);
  record.unigram.resize(unigram.size() / sizeof(std::uint64_t));
  std::memcpy(record.unigram.data(), unigram.data(), record.unigram.size() * sizeof(std::uint64_t));
  return record;
}

}  // namespace

// A line of JSON, then the counts of the ids as they lie in memory.
std::string to_text(const ShardRecord& record) {
  Json blocks = Json::array();
  for (const std::uint64_t hash : record.entry.block_hashes) blocks.push_back(hash_text(hash));
  std::string text = Json{{"file", record.entry.file},
                          {"samples", record.entry.samples},
                          {"tokens", record.entry.tokens},
                          {"bytes", record.entry.bytes},
                          {"blocks", blocks},
                          {"counts", counts_json(record.counts)}}
                         .dump() +
                     '\n';
  text.append(reinterpret_cast<const char*>(record.unigram.data()),
              record.unigram.size() * sizeof(std::uint64_t));
  return text;
}

ShardRecord parse_shard_record(std::string_view text) {
  const std::size_t line = std::min(text.find('\n'), text.size());
  try {
    return parse(Json::parse(text.substr(0, line)), text.substr(std::min(line + 1, text.size())));
  } catch (const Json::exception& error) {
    throw DataError(fmt::format("the record of a shard is damaged: {}", error.what()));
  }
}

}  // namespace bertyard
