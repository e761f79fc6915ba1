// SPDX-License-Identifier: Apache-2.0
// ZeRO-1 equals plain data parallel bit for bit (design, 5.3): ranks as threads.
#include "parallel/sharded_optimizer.h"

#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/base/philox.h"
#include "core/optim/optimizer.h"
#include "core/tensor/arena.h"
#include "parallel/gradient_buckets.h"
#include "parallel/ordered_reduction.h"
#include "parallel/thread_group.h"

namespace bertyard {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

// Tensors smaller than a chunk, of several chunks, and with gaps between them; the tied embedding
// last.
ParameterStore toy_store() {
  ParameterStore store;
  store.add("layer.1.weight", {130, 100}, WeightDecay::yes);
  store.add("layer.1.bias", {10}, WeightDecay::no);
  store.add("layer.0.weight", {50, 8}, WeightDecay::yes);
  store.add("embeddings", {300, 77}, WeightDecay::yes);
  return store;
}

std::vector<float> draws(const ParameterStore& store, int salt, double scale) {
  PhiloxSequence sequence(7, RandomPurpose::initialization, static_cast<std::uint64_t>(salt), 0);
  std::vector<float> values(static_cast<std::size_t>(store.flat_elements()));
  for (const ParameterInfo& info : store.infos()) {
    for (std::int64_t i = 0; i < info.shape.elements(); ++i) {
      values[static_cast<std::size_t>(info.offset + i)] =
          static_cast<float>(scale * (sequence.next_unit() - 0.5));
    }
  }
  return values;
}

struct Setting {
  OptimizerKind kind = OptimizerKind::adamw;
  int ranks = 1;
  bool sharded = false;
  int leaves = 12;
  std::int64_t bucket_bytes = 40000;
};

struct Trained {
  std::vector<float> weights, first, second;
  std::vector<double> norms;
  bool operator==(const Trained&) const = default;
};

// One rank's optimizer with its memory.
class Rank {
 public:
  Rank(const Setting& setting, Communicator& communicator)
      : store_(toy_store()),
        values_(draws(store_, 1000, 1.0)),
        gradients_(values_.size()),
        plan_(store_, setting.bucket_bytes, setting.ranks),
        exchange_(communicator, plan_),
        optimizer_({.kind = setting.kind, .weight_decay = 0.01, .clip_norm = 1.0}, store_,
                   setting.sharded ? plan_.shard(communicator.rank()) : whole_shard(store_)),
        reduction_(*device_, communicator, view_of(std::span(gradients_)),
                   {.leaves = setting.leaves,
                    .block_bytes = setting.bucket_bytes,
                    .shards = setting.sharded ? &plan_ : nullptr}) {
    store_.bind(view_of(std::span(values_)), view_of(std::span(gradients_)));
    if (setting.sharded) optimizer_.connect(exchange_);
    ArenaPlan plan;
    optimizer_.plan(plan);
    EXPECT_EQ(plan.bytes(), optimizer_.bytes());
    arena_ = Arena(device_->allocate(plan.bytes()));
    optimizer_.bind(arena_, *device_);
  }

  void step(int step, Trained& trained) {
    const LeafRange own = reduction_.own_leaves();
    for (int leaf = own.first; leaf < own.end; ++leaf) {
      std::ranges::copy(draws(store_, 100 * step + leaf, 0.01 * (1 + leaf)), gradients_.begin());
      reduction_.leaf_done();
    }
    reduction_.finish();
    trained.norms.push_back(optimizer_.step(1e-2, store_).gradient_norm);
  }
  void finish(Trained& trained) {
    trained.weights = values_;
    trained.first.resize(values_.size());
    optimizer_.collect("first_moment", view_of(std::span(trained.first)));
    if (optimizer_.array_names().size() == 1) return;
    trained.second.resize(values_.size());
    optimizer_.collect("second_moment", view_of(std::span(trained.second)));
  }

 private:
  std::unique_ptr<Device> device_ = make_cpu_device({.threads = 1});
  ParameterStore store_;
  std::vector<float> values_, gradients_;
  ShardPlan plan_;
  ShardedOptimizer exchange_;
  Optimizer optimizer_;
  OrderedReduction reduction_;
  Arena arena_;
};

// Three steps; what rank 0 holds then, which every rank must hold.
Trained train(const Setting& setting) {
  Trained first;
  ThreadGroup group(setting.ranks);
  group.run([&](Communicator& communicator, ControlPlane& control) {
    Rank rank(setting, communicator);
    Trained trained;
    for (int step = 0; step < 3; ++step) rank.step(step, trained);
    rank.finish(trained);
    if (communicator.rank() == 0) first = trained;
    control.barrier("rank 0", ControlPlane::Seconds(60));
    EXPECT_TRUE(trained == first) << "rank " << communicator.rank();
  });
  return first;
}

TEST(ShardPlan, DealsEveryElementOnceBetweenChunks) {
  const ParameterStore store = toy_store();
  const std::vector<NormChunk> chunks = norm_chunks(store);
  const auto begins_chunk = [&](std::int64_t offset) {
    return offset == store.flat_elements() ||
           std::any_of(chunks.begin(), chunks.end(),
                       [&](const NormChunk& chunk) { return chunk.offset == offset; });
  };
  for (const int ranks : {1, 2, 3, 7, 40}) {
    for (const std::int64_t bytes : {4, 40000, 1 << 30}) {
      const ShardPlan plan(store, bytes, ranks);
      std::int64_t next = 0;
      for (std::size_t b = 0; b < plan.buckets().size(); ++b) {
        for (int rank = 0; rank < ranks; ++rank) {
          const FlatRange range = plan.shard(rank)[b];
          EXPECT_EQ(range.first, next);
          EXPECT_TRUE(begins_chunk(range.first)) << range.first;
          next += range.count;
          EXPECT_LE(range.count, plan.buckets()[b].count / ranks + 2 * NormChunk::kElements);
        }
      }
      EXPECT_EQ(next, store.flat_elements());
    }
  }
}

TEST(ShardPlan, TheLastParameterHasBucketsOfItsOwn) {
  const ParameterStore store = toy_store();

  const ShardPlan plan(store, 1 << 30, 2);

  ASSERT_EQ(plan.buckets().size(), 2u);
  EXPECT_EQ(plan.buckets()[1].first, store.infos().back().offset);
}

TEST(ShardedOptimizer, EqualsThePlainOneBitForBit) {
  for (const OptimizerKind kind :
       {OptimizerKind::adamw, OptimizerKind::adam, OptimizerKind::lamb, OptimizerKind::sgd}) {
    const Trained expected = train({.kind = kind});
    ASSERT_GT(std::accumulate(expected.first.begin(), expected.first.end(), 0.0,
                              [](double sum, float x) { return sum + std::abs(x); }),
              0);
    for (const int ranks : {2, 3, 4, 6}) {
      for (const bool sharded : {false, true}) {
        EXPECT_TRUE(train({.kind = kind, .ranks = ranks, .sharded = sharded}) == expected)
            << name_of(kind) << ", " << ranks << " ranks, sharded " << sharded;
      }
    }
  }
}

// The halves of a fast sum: equal to the whole one, because threads add in the order of the ranks.
TEST(ShardedOptimizer, FastBucketsSumTheOwnParts) {
  const ParameterStore store = toy_store();
  for (const int ranks : {2, 3}) {
    ThreadGroup group(ranks);
    group.run([&](Communicator& communicator, ControlPlane&) {
      const ShardPlan plan(store, 40000, ranks);
      std::vector<float> whole = draws(store, communicator.rank(), 1);
      std::vector<float> parts = whole;
      GradientBuckets plain(communicator, store, view_of(std::span(whole)), 40000);
      GradientBuckets sharded(communicator, view_of(std::span(parts)), plan);
      plain.gradients_ready_up_to(13000);
      plain.finish();
      sharded.gradients_ready_up_to(13000);
      sharded.finish();
      for (const FlatRange& range : plan.shard(communicator.rank())) {
        for (std::int64_t i = range.first; i < range.first + range.count; ++i) {
          ASSERT_EQ(parts[static_cast<std::size_t>(i)], whole[static_cast<std::size_t>(i)]) << i;
        }
      }
    });
  }
}

TEST(ShardedOptimizer, KeepsAPartOfTheState) {
  const ParameterStore store = toy_store();
  const ShardPlan plan(store, 40000, 3);
  const OptimizerOptions options{.kind = OptimizerKind::adamw};
  const std::size_t whole = Optimizer(options, store).bytes();
  std::size_t parts = 0;
  for (int rank = 0; rank < 3; ++rank) {
    const std::size_t own = Optimizer(options, store, plan.shard(rank)).bytes();
    EXPECT_LE(own, Optimizer(options, store, plan.shard(plan.fullest_rank())).bytes());
    parts += own;
  }

  // Beside the moments every rank has the sums of all chunks.
  const std::size_t sums = norm_chunks(store).size() * sizeof(double);
  EXPECT_NEAR(static_cast<double>(parts), static_cast<double>(whole + 2 * sums), 4096.0);
}

TEST(ShardedOptimizer, RefusesAPartWithoutTheOthersAndOtherRanks) {
  const ParameterStore store = toy_store();
  const ShardPlan plan(store, 40000, 3);
  Optimizer alone({}, store, plan.shard(0));
  ThreadGroup group(2);

  EXPECT_THAT([&] { alone.step(1e-3, store); }, ThrowsMessage<Error>(HasSubstr("no way to the")));
  EXPECT_THAT([&] { ShardedOptimizer(group.communicator(0), plan); },
              ThrowsMessage<Error>(HasSubstr("planned for 3 ranks, there are 2")));
}

// A gradient that is not finite on one rank only is seen by all.
TEST(ShardedOptimizer, SkipsAStepOnEveryRank) {
  ThreadGroup group(2);
  group.run([](Communicator& communicator, ControlPlane&) {
    ParameterStore store = toy_store();
    std::vector<float> values = draws(store, 1, 1), gradients = draws(store, 2, 1);
    const std::vector<float> before = values;
    store.bind(view_of(std::span(values)), view_of(std::span(gradients)));
    const ShardPlan plan(store, 40000, 2);
    ShardedOptimizer exchange(communicator, plan);
    Optimizer optimizer({}, store, plan.shard(communicator.rank()));
    optimizer.connect(exchange);
    const auto device = make_cpu_device({.threads = 1});
    ArenaPlan memory;
    optimizer.plan(memory);
    const Arena arena(device->allocate(memory.bytes()));
    optimizer.bind(arena, *device);
    if (communicator.rank() == 1) {
      gradients[static_cast<std::size_t>(plan.shard(1)[0].first)] =
          std::numeric_limits<float>::infinity();
    }

    EXPECT_FALSE(optimizer.step(1e-2, store).applied);
    EXPECT_EQ(values, before);
    EXPECT_EQ(optimizer.applied_steps(), 0);
  });
}

}  // namespace
}  // namespace bertyard
