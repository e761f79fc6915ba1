// SPDX-License-Identifier: Apache-2.0
#include "parallel/ordered_reduction.h"

#include <algorithm>
#include <bit>

#include <fmt/format.h>

#include "core/backend/update_ops.h"
#include "core/base/error.h"

namespace bertyard {
namespace {

// Places of everything in one arena.
struct Layout {
  ArenaPlan plan;
  std::vector<ArenaSlot> buffers;
  ArenaSlot sent, received, gathered;
};

// How many partial sums wait at once while a rank goes through its leaves; the last leaf stays in
// the gradient buffer itself.
std::size_t buffers_needed(const LeafRange& own, int leaves) {
  std::size_t most = 0;
  for (int end = own.first; end < own.end; ++end) {
    most = std::max(most, maximal_subtrees({own.first, end}, leaves).size());
  }
  return most;
}

std::vector<std::vector<LeafRange>> all_subtrees(int ranks, int leaves) {
  std::vector<std::vector<LeafRange>> subtrees;
  subtrees.reserve(static_cast<std::size_t>(ranks));
  for (int rank = 0; rank < ranks; ++rank) {
    subtrees.push_back(maximal_subtrees(leaves_of_rank(rank, ranks, leaves), leaves));
  }
  return subtrees;
}

std::size_t most_of(const std::vector<std::vector<LeafRange>>& subtrees) {
  std::size_t most = 0;
  for (const auto& list : subtrees) most = std::max(most, list.size());
  return most;
}

// What is exchanged at a time: the shards' buckets, or blocks of equal parts for the ranks.
std::vector<ShardPlan::Bucket> blocks_of(std::int64_t elements, int ranks,
                                         const OrderedReduction::Options& options) {
  if (options.shards != nullptr) return options.shards->buckets();
  const std::int64_t most =
      std::max<std::int64_t>(options.block_bytes / std::int64_t{sizeof(float)}, 1);
  std::vector<ShardPlan::Bucket> blocks;
  for (std::int64_t first = 0; first < elements; first += most) {
    ShardPlan::Bucket block{first, std::min(most, elements - first), {}};
    const std::int64_t slice = (block.count + ranks - 1) / ranks;
    for (int rank = 0; rank <= ranks; ++rank) {
      block.cuts.push_back(std::min(rank * slice, block.count));
    }
    blocks.push_back(std::move(block));
  }
  return blocks;
}

// What a part is padded to, so that all ranks send and receive the same count.
std::int64_t slice_elements(const ShardPlan::Bucket& block) {
  std::int64_t longest = 0;
  for (std::size_t i = 0; i + 1 < block.cuts.size(); ++i) {
    longest = std::max(longest, block.cuts[i + 1] - block.cuts[i]);
  }
  return longest;
}

Layout layout_for(std::int64_t elements, int rank, int ranks,
                  const OrderedReduction::Options& options) {
  Layout layout;
  const LeafRange own = leaves_of_rank(rank, ranks, options.leaves);
  for (std::size_t i = buffers_needed(own, options.leaves); i > 0; --i) {
    layout.buffers.push_back(layout.plan.add(DType::f32, {elements}));
  }
  if (ranks == 1) return layout;
  const auto most = static_cast<std::int64_t>(most_of(all_subtrees(ranks, options.leaves)));
  std::int64_t padded = 0;
  for (const ShardPlan::Bucket& block : blocks_of(elements, ranks, options)) {
    padded = std::max(padded, ranks * slice_elements(block));
  }
  layout.sent = layout.plan.add(DType::f32, {padded});
  layout.received = layout.plan.add(DType::f32, {most * padded});
  if (options.shards == nullptr) layout.gathered = layout.plan.add(DType::f32, {padded});
  return layout;
}

}  // namespace

std::size_t OrderedReduction::bytes(std::int64_t elements, int rank, int ranks,
                                    const Options& options) {
  return layout_for(elements, rank, ranks, options).plan.bytes();
}

OrderedReduction::OrderedReduction(Device& device, Communicator& communicator, TensorView gradients,
                                   const Options& options)
    : device_(device),
      communicator_(communicator),
      gradients_(gradients),
      options_(options),
      blocks_(blocks_of(gradients.elements(), communicator.size(), options)),
      own_(leaves_of_rank(communicator.rank(), communicator.size(), options.leaves)),
      subtrees_(all_subtrees(communicator.size(), options.leaves)),
      most_subtrees_(most_of(subtrees_)) {
  const Layout layout =
      layout_for(gradients.elements(), communicator.rank(), communicator.size(), options);
  if (layout.plan.bytes() > 0) arena_ = Arena(device.allocate(layout.plan.bytes()));
  for (const ArenaSlot& slot : layout.buffers) buffers_.push_back(arena_.view(slot));
  if (communicator.size() > 1) {
    sent_ = arena_.view(layout.sent);
    received_ = arena_.view(layout.received);
    if (options.shards == nullptr) gathered_ = arena_.view(layout.gathered);
  }
  next_leaf_ = own_.first;
}

TensorView OrderedReduction::free_buffer() {
  const auto in_use = [this](const TensorView& buffer) {
    return std::any_of(partials_.begin(), partials_.end(), [&](const Partial& partial) {
      return partial.values.data() == buffer.data();
    });
  };
  const auto found = std::find_if_not(buffers_.begin(), buffers_.end(), in_use);
  BERTYARD_CHECK(found != buffers_.end(), "ordered reduction: more partial sums than planned");
  return *found;
}

// left += right for the two halves of a node, as often as there are two.
void OrderedReduction::push(const LeafRange& leaf, TensorView values) {
  partials_.push_back({leaf, values});
  while (partials_.size() > 1) {
    Partial& left = partials_[partials_.size() - 2];
    const Partial& right = partials_.back();
    if (!are_siblings(left.leaves, right.leaves, options_.leaves)) break;
    device_.update_ops().add(left.values, right.values, device_.compute_stream());
    left.leaves.end = right.leaves.end;
    partials_.pop_back();
  }
}

void OrderedReduction::leaf_done() {
  const LeafRange leaf{next_leaf_, next_leaf_ + 1};
  ++next_leaf_;
  push(leaf, gradients_);
  const bool last = next_leaf_ == own_.end;
  if (last || partials_.back().values.data() != gradients_.data()) return;
  const TensorView buffer = free_buffer();
  device_.copy(buffer, gradients_, CopyDirection::device_to_device, device_.compute_stream());
  partials_.back().values = buffer;
}

void OrderedReduction::finish() {
  BERTYARD_CHECK(next_leaf_ == own_.end,
                 fmt::format("ordered reduction: {} of this rank's {} leaves were computed",
                             next_leaf_ - own_.first, own_.count()));
  if (communicator_.size() > 1) {
    for (const Block& block : blocks_) reduce_block(block);
  } else if (partials_.front().values.data() != gradients_.data()) {
    device_.copy(gradients_, partials_.front().values, CopyDirection::device_to_device,
                 device_.compute_stream());
  }
  partials_.clear();
  next_leaf_ = own_.first;
}

// Subtree `index` of every rank: part p of what a rank sends is what rank p adds up.
void OrderedReduction::send_subtree(std::size_t index, const Block& block) {
  const std::int64_t slice = slice_elements(block);
  const std::int64_t padded = communicator_.size() * slice;
  const TensorView sent = sent_.slice(0, padded);
  for (std::size_t p = 0; index < partials_.size() && p + 1 < block.cuts.size(); ++p) {
    const std::int64_t count = block.cuts[p + 1] - block.cuts[p];
    if (count == 0) continue;
    device_.copy(sent.slice(static_cast<std::int64_t>(p) * slice, count),
                 partials_[index].values.slice(block.first + block.cuts[p], count),
                 CopyDirection::device_to_device, device_.compute_stream());
  }
  device_.synchronize();
  const auto at = static_cast<std::int64_t>(index) * padded;
  communicator_.all_to_all(sent, received_.slice(at, padded)).wait();
}

TensorView OrderedReduction::received(int rank, std::size_t subtree, std::int64_t slice) const {
  const std::int64_t padded = communicator_.size() * slice;
  return received_.slice(static_cast<std::int64_t>(subtree) * padded + rank * slice, slice);
}

TensorView OrderedReduction::combine(const LeafRange& node, std::int64_t slice) {
  for (std::size_t rank = 0; rank < subtrees_.size(); ++rank) {
    for (std::size_t i = 0; i < subtrees_[rank].size(); ++i) {
      if (subtrees_[rank][i] == node) return received(static_cast<int>(rank), i, slice);
    }
  }
  const auto half = static_cast<int>(std::bit_ceil(static_cast<unsigned>(node.count())) / 2);
  const TensorView left = combine({node.first, node.first + half}, slice);
  const TensorView right = combine({node.first + half, node.end}, slice);
  device_.update_ops().add(left, right, device_.compute_stream());
  return left;
}

void OrderedReduction::reduce_block(const Block& block) {
  for (std::size_t i = 0; i < most_subtrees_; ++i) send_subtree(i, block);
  const std::int64_t slice = slice_elements(block);
  const TensorView sum = combine({0, options_.leaves}, slice);
  device_.synchronize();
  if (options_.shards != nullptr) {
    const auto own = static_cast<std::size_t>(communicator_.rank());
    const std::int64_t count = block.cuts[own + 1] - block.cuts[own];
    if (count == 0) return;
    device_.copy(gradients_.slice(block.first + block.cuts[own], count), sum.slice(0, count),
                 CopyDirection::device_to_device, device_.compute_stream());
    return;
  }
  const TensorView gathered = gathered_.slice(0, communicator_.size() * slice);
  communicator_.all_gather(sum, gathered).wait();
  device_.copy(gradients_.slice(block.first, block.count), gathered.slice(0, block.count),
               CopyDirection::device_to_device, device_.compute_stream());
}

}  // namespace bertyard
