// SPDX-License-Identifier: Apache-2.0
#include "parallel/gradient_buckets.h"

#include <fmt/format.h>

#include "core/base/error.h"

namespace bertyard {
namespace {

std::vector<GradientBuckets::Bucket> cut(const ParameterStore& store, std::int64_t bucket_bytes,
                                         std::size_t element_bytes) {
  std::vector<GradientBuckets::Bucket> buckets;
  const auto& infos = store.infos();
  std::int64_t first = 0;
  for (std::size_t next = 1; next <= infos.size(); ++next) {
    const bool at_end = next == infos.size();
    const std::int64_t end = at_end ? store.flat_elements() : infos[next].offset;
    const bool full = (end - first) * static_cast<std::int64_t>(element_bytes) >= bucket_bytes;
    const bool before_last = next + 1 == infos.size();
    if (full || before_last || at_end) {
      buckets.push_back({first, end - first});
      first = end;
    }
  }
  return buckets;
}

}  // namespace

GradientBuckets::GradientBuckets(Communicator& communicator, const ParameterStore& store,
                                 TensorView gradients, std::int64_t bucket_bytes)
    : communicator_(communicator), gradients_(gradients) {
  BERTYARD_CHECK(
      bucket_bytes > 0,
      fmt::format("gradient buckets: bucket_bytes is {}; it must be above 0", bucket_bytes));
  BERTYARD_CHECK(
      gradients.elements() == store.flat_elements(),
      fmt::format("gradient buckets: {} gradients for parameters laid out in {} elements",
                  gradients.elements(), store.flat_elements()));
  buckets_ = cut(store, bucket_bytes, size_of(gradients.dtype()));
  pending_.reserve(buckets_.size());
}

GradientBuckets::GradientBuckets(Communicator& communicator, TensorView gradients,
                                 const ShardPlan& shards)
    : communicator_(communicator), gradients_(gradients), shards_(&shards) {
  for (const ShardPlan::Bucket& bucket : shards.buckets()) {
    buckets_.push_back({bucket.first, bucket.count});
  }
  const std::int64_t planned = buckets_.empty() ? 0 : buckets_.back().first + buckets_.back().count;
  BERTYARD_CHECK(gradients.elements() == planned && communicator.size() == shards.ranks(),
                 fmt::format("gradient buckets: {} gradients on {} ranks, the shards are of {} on "
                             "{}",
                             gradients.elements(), communicator.size(), planned, shards.ranks()));
  pending_.reserve(buckets_.size());
}

Pending GradientBuckets::start(std::size_t bucket) {
  const TensorView values = gradients_.slice(buckets_[bucket].first, buckets_[bucket].count);
  if (shards_ == nullptr) return communicator_.all_reduce_sum(values);
  return communicator_.reduce_parts_sum(values, shards_->buckets()[bucket].cuts);
}

void GradientBuckets::gradients_ready_up_to(std::int64_t offset) {
  BERTYARD_CHECK(
      offset >= 0 && offset <= gradients_.elements(),
      fmt::format("gradient buckets: offset {} of {} elements", offset, gradients_.elements()));
  if (communicator_.size() == 1) return;
  while (pending_.size() < buckets_.size()) {
    const Bucket& next = buckets_[pending_.size()];
    if (next.first + next.count > offset) return;
    pending_.push_back(start(pending_.size()));
  }
}

void GradientBuckets::finish() {
  gradients_ready_up_to(gradients_.elements());
  for (Pending& bucket : pending_) bucket.wait();
  pending_.clear();
}

}  // namespace bertyard
