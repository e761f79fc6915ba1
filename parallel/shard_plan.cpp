// SPDX-License-Identifier: Apache-2.0
#include "parallel/shard_plan.h"

#include <algorithm>
#include <span>

#include <fmt/format.h>

#include "core/base/error.h"

namespace bertyard {
namespace {

// For each rank the start of a chunk that is nearest to its equal share.
std::vector<std::int64_t> cut(std::span<const NormChunk> chunks, const ShardPlan::Bucket& bucket,
                              int ranks) {
  std::vector<std::int64_t> cuts{0};
  for (int rank = 1; rank < ranks; ++rank) {
    const std::int64_t share = bucket.first + bucket.count * rank / ranks;
    const auto at = std::lower_bound(
        chunks.begin(), chunks.end(), share - NormChunk::kElements / 2,
        [](const NormChunk& chunk, std::int64_t offset) { return chunk.offset < offset; });
    cuts.push_back(at == chunks.end() ? bucket.count : at->offset - bucket.first);
  }
  cuts.push_back(bucket.count);
  return cuts;
}

}  // namespace

ShardPlan::ShardPlan(const ParameterStore& parameters, std::int64_t bucket_bytes, int ranks)
    : ranks_(ranks) {
  BERTYARD_CHECK(bucket_bytes > 0 && ranks > 0,
                 fmt::format("shard plan: {} bytes a bucket, {} ranks; both must be above 0",
                             bucket_bytes, ranks));
  const std::vector<NormChunk> chunks = norm_chunks(parameters);
  if (chunks.empty()) return;
  const std::int64_t last_parameter = parameters.infos().back().offset;
  std::size_t first = 0;
  for (std::size_t next = 1; next <= chunks.size(); ++next) {
    const bool at_end = next == chunks.size();
    const std::int64_t end = at_end ? parameters.flat_elements() : chunks[next].offset;
    const std::int64_t begin = first == 0 ? 0 : chunks[first].offset;
    const bool full = (end - begin) * std::int64_t{sizeof(float)} >= bucket_bytes;
    if (!full && !at_end && end != last_parameter) continue;
    Bucket bucket{begin, end - begin, {}};
    bucket.cuts = cut(std::span(chunks).subspan(first, next - first), bucket, ranks);
    buckets_.push_back(std::move(bucket));
    first = next;
  }
}

OptimizerShard ShardPlan::shard(int rank) const {
  OptimizerShard shard;
  for (const Bucket& bucket : buckets_) {
    const auto part = static_cast<std::size_t>(rank);
    shard.push_back({bucket.first + bucket.cuts[part], bucket.cuts[part + 1] - bucket.cuts[part]});
  }
  return shard;
}

int ShardPlan::fullest_rank() const {
  int fullest = 0;
  std::int64_t most = -1;
  for (int rank = 0; rank < ranks_; ++rank) {
    std::int64_t elements = 0;
    for (const FlatRange& range : shard(rank)) elements += range.count;
    if (elements > most) fullest = rank;
    most = std::max(most, elements);
  }
  return fullest;
}

}  // namespace bertyard
