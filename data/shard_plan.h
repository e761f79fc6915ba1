// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "data/shard_parameters.h"
#include "data/token_store.h"

namespace bertyard {

// No shard is planned for more than this times parameters.shard_bytes, unless one document alone
// makes more.
inline constexpr double kLargestShard = 1.75;

// Documents [begin, end) of a part, whose samples make one shard.
struct ShardPlan {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::uint64_t bytes = 0;  // of the shard, about
  bool operator==(const ShardPlan&) const = default;
};

// How many bytes the samples of some documents take, about: of text and, for each document, of what
// is added to its end. A random next sentence adds text from elsewhere, to a short document many
// times its own: how much depends on all documents.
class ShardEstimate {
 public:
  ShardEstimate(const TokenStore& store, const ShardParameters& parameters);
  std::uint64_t bytes(std::uint64_t documents, std::uint64_t tokens) const;

 private:
  double per_token_;
  double per_document_;
};

// Cuts the documents of a part into shards of about parameters.shard_bytes: by their tokens, as
// documents of some length fill samples, and once more where the estimate is above kLargestShard.
std::vector<ShardPlan> plan_shards(const TokenStore& store, const ShardParameters& parameters);

// Of an id in a shard.
std::uint64_t id_bytes(const ShardParameters& parameters);

}  // namespace bertyard
