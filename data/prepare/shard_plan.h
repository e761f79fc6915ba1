// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "data/samples/shard_parameters.h"
#include "data/samples/token_store.h"

namespace bertyard {

// No shard is planned for more than this times parameters.shard_bytes, unless one document alone
// makes more.
inline constexpr double kLargestShard = 1.75;

// Documents [begin, end) of a part, whose samples make one shard.
struct PlannedShard {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::uint64_t bytes = 0;  // of the shard, about
};

// Cuts the documents of a part into shards of about parameters.shard_bytes: by their tokens, as
// documents of some length fill samples, and once more where the estimate is above kLargestShard.
std::vector<PlannedShard> plan_shards(const TokenStore& store, const ShardParameters& parameters);

}  // namespace bertyard
