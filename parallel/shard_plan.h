// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "core/nn/parameters.h"
#include "core/optim/optimizer_shard.h"

namespace bertyard {

// How ZeRO-1 deals the flat buffers to the ranks: they are cut into buckets, in the order in which
// backward finishes them, and every bucket into a part for each rank, so that all ranks have the
// same work in every bucket. All cuts lie between norm chunks (design, 4.4); the parts of a bucket
// differ by about one chunk.
class ShardPlan {
 public:
  struct Bucket {
    std::int64_t first = 0;  // element of the flat buffer
    std::int64_t count = 0;
    std::vector<std::int64_t> cuts;  // [ranks + 1], 0 to count: rank r has [cuts[r], cuts[r + 1])
  };

  // A bucket is closed by the chunk that brings it to `bucket_bytes` of f32; the last parameter
  // begins one of its own.
  ShardPlan(const ParameterStore& parameters, std::int64_t bucket_bytes, int ranks);

  int ranks() const { return ranks_; }
  const std::vector<Bucket>& buckets() const { return buckets_; }
  OptimizerShard shard(int rank) const;
  // That of the most elements.
  int fullest_rank() const;

 private:
  int ranks_;
  std::vector<Bucket> buckets_;
};

}  // namespace bertyard
