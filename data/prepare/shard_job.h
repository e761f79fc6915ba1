// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "data/prepare/shard_plan.h"
#include "data/samples/masking.h"
#include "data/samples/shard_parameters.h"
#include "data/samples/token_store.h"
#include "data/shards/manifest.h"
#include "data/tokenizer/vocabulary.h"

namespace bertyard {

// What became of one shard; also as the text of a record.
struct ShardRecord {
  ShardEntry entry;
  ShardCounts counts;                  // of its samples
  std::vector<std::uint64_t> unigram;  // how often each id stands in them
};
std::string to_text(const ShardRecord& record);
ShardRecord parse_shard_record(std::string_view text);

// The second half of preparing, for one part: every shard is built from the tokens of the first
// half. Shards are independent of each other, and what is done stays done. Borrows the store and
// the vocabulary.
class ShardJob {
 public:
  // `directory` gets the shards, `records` the records that say which are done.
  ShardJob(const TokenStore& store, ShardParameters parameters, const Vocabulary& vocabulary,
           std::filesystem::path directory, std::filesystem::path records);

  std::size_t shards() const { return plans_.size(); }
  std::uint64_t shard_tokens(std::size_t shard) const;
  std::uint64_t shard_bytes(std::size_t shard) const { return plans_[shard].bytes; }  // about
  // Makes the shard unless it is there, whole, with this many threads. `progress` gets the tokens
  // of the text as they are used up, from any thread.
  void run(std::size_t shard, int threads,
           const std::function<void(std::uint64_t)>& progress) const;
  // The record of a shard that is done; otherwise DataError.
  ShardRecord record(std::size_t shard) const;

 private:
  class Build;
  std::filesystem::path shard_path(std::size_t shard) const;
  std::filesystem::path record_path(std::size_t shard) const;
  bool is_done(std::size_t shard) const;

  const TokenStore& store_;
  ShardParameters parameters_;
  SpecialTokens special_;
  std::uint32_t vocabulary_size_;
  std::optional<Masker> masker_;  // where masks are stored
  std::filesystem::path directory_;
  std::filesystem::path records_;
  std::vector<PlannedShard> plans_;
};

}  // namespace bertyard
