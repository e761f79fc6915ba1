// SPDX-License-Identifier: Apache-2.0
#include "tests/support/mpi_test.h"

#include <bit>
#include <chrono>
#include <cstdint>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/nn/parameters.h"
#include "parallel/agreement.h"
#include "parallel/gradient_buckets.h"

namespace bertyard {
namespace {

using ::bertyard::testing::mpi_world;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::ThrowsMessage;

template <typename T>
TensorView all_of(std::vector<T>& values) {
  return view_of(std::span<T>(values));
}

class MpiRanks : public ::testing::Test {
 protected:
  const int rank = mpi_world().place().rank;
  const int size = mpi_world().place().size;
  std::unique_ptr<Communicator> communicator = mpi_world().make_communicator();
  std::unique_ptr<ControlPlane> control = mpi_world().make_control_plane();
};

TEST_F(MpiRanks, KnowTheirPlace) {
  const MpiWorld::Place& place = mpi_world().place();

  EXPECT_EQ(communicator->rank(), rank);
  EXPECT_EQ(communicator->size(), size);
  EXPECT_EQ(communicator->name(), size == 1 ? "single" : "mpi (shared memory)");
  EXPECT_EQ(place.local_rank, rank);
  EXPECT_EQ(place.local_size, size);
  EXPECT_EQ(place.hosts, std::vector<std::string>(static_cast<std::size_t>(size), place.hosts[0]));
  EXPECT_TRUE(built_with_mpi());
  EXPECT_FALSE(mpi_library().empty());
}

TEST_F(MpiRanks, AllReduceAddsInTheOrderOfTheRanks) {
  constexpr int kCount = 300001;
  const auto value = [](int from, int i) { return 1.0f / static_cast<float>(1 + from * 7 + i); };
  std::vector<float> mine(kCount);
  std::vector<float> expected(kCount);
  for (int i = 0; i < kCount; ++i) {
    const auto at = static_cast<std::size_t>(i);
    mine[at] = value(rank, i);
    expected[at] = value(0, i);
    for (int other = 1; other < size; ++other) expected[at] += value(other, i);
  }

  communicator->all_reduce_sum(all_of(mine)).wait();

  EXPECT_EQ(mine, expected);
}

// What ranks on several hosts do; the order of the additions is MPI's, equal from call to call.
TEST_F(MpiRanks, AllReduceWithoutSharedMemoryIsTheSameUpToRoundingAndRepeats) {
  const auto by_mpi = mpi_world().make_communicator(NodeSums::mpi);
  std::vector<float> mine;
  for (int i = 0; i < 100001; ++i) mine.push_back(1.0f / static_cast<float>(1 + rank * 7 + i));
  std::vector<float> again = mine;
  std::vector<float> ordered = mine;

  by_mpi->all_reduce_sum(all_of(mine)).wait();
  by_mpi->all_reduce_sum(all_of(again)).wait();
  communicator->all_reduce_sum(all_of(ordered)).wait();

  EXPECT_EQ(by_mpi->name(), size == 1 ? "single" : "mpi");
  EXPECT_EQ(mine, again);
  // At most 3 roundings of half a unit in the last place each, all terms positive.
  EXPECT_THAT(mine, ::testing::Pointwise(::testing::FloatNear(1e-6f), ordered));
}

// In f32 and rounded, by MPI as through shared memory; whole numbers up to 256 are exact in bf16.
TEST_F(MpiRanks, SumsOfBFloatsAreFloatsRounded) {
  for (const NodeSums sums : {NodeSums::shared_memory, NodeSums::mpi}) {
    const auto ranks = mpi_world().make_communicator(sums);
    std::vector<std::uint16_t> values, expected;
    const auto bf16 = [](int number) {
      return static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(static_cast<float>(number)) >>
                                        16);
    };
    for (int i = 0; i < 1001; ++i) {
      values.push_back(bf16((rank + 1) * (i % 20)));
      expected.push_back(bf16(size * (size + 1) / 2 * (i % 20)));
    }

    ranks->all_reduce_sum(TensorView(values.data(), DType::bf16, {1001})).wait();

    EXPECT_EQ(values, expected);
  }
}

// Pairs of ranks taken for hosts, dealt out in turn, as `mpirun --map-by node` does. Whole numbers:
// exact in any order.
TEST_F(MpiRanks, AllReduceGoesThroughSharedMemoryAsFarAsAHostGoes) {
  if (size < 4) GTEST_SKIP() << "needs two hosts of two ranks";
  const int hosts = size / 2;
  MpiWorld::Place place = mpi_world().place();
  place.local_rank = rank / hosts;
  place.local_size = 2;
  for (int other = 0; other < size; ++other) {
    place.hosts[static_cast<std::size_t>(other)] = "host" + std::to_string(other % hosts);
  }
  const auto ranks = mpi_world().make_communicator(place);
  for (const int count : {1, 3, 300001}) {
    std::vector<float> mine, expected;
    for (int i = 0; i < count; ++i) {
      mine.push_back(static_cast<float>((rank + 1) * (i % 1000)));
      expected.push_back(static_cast<float>(size * (size + 1) / 2 * (i % 1000)));
    }

    ranks->all_reduce_sum(all_of(mine)).wait();

    EXPECT_EQ(mine, expected);
  }
  EXPECT_EQ(ranks->name(), "mpi (shared memory in a host)");
}

// A host of one rank beside one of the rest, and hosts that have the same name.
TEST_F(MpiRanks, HostsThatDifferAreLeftToMpi) {
  if (size < 4) GTEST_SKIP() << "needs hosts of one rank and of three";
  for (const bool one_name : {false, true}) {
    MpiWorld::Place place = mpi_world().place();
    place.local_rank = rank == 0 ? 0 : rank - 1;
    place.local_size = rank == 0 ? 1 : size - 1;
    if (!one_name) place.hosts[0] = "alone";
    const auto ranks = mpi_world().make_communicator(place);
    std::vector<float> values(7, static_cast<float>(rank));

    ranks->all_reduce_sum(all_of(values)).wait();

    EXPECT_EQ(ranks->name(), "mpi");
    EXPECT_EQ(values, std::vector<float>(7, static_cast<float>(size * (size - 1) / 2)));
  }
}

TEST_F(MpiRanks, SumAndGatherUnequalPartsWithAndWithoutSharedMemory) {
  std::vector<std::int64_t> cuts{0};
  for (int part = 0; part < size; ++part) cuts.push_back(cuts.back() + 50000 * part + 7);
  for (const NodeSums sums : {NodeSums::shared_memory, NodeSums::mpi}) {
    const auto ranks = mpi_world().make_communicator(sums);
    std::vector<std::int64_t> values(static_cast<std::size_t>(cuts.back()));
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] = static_cast<std::int64_t>(i) * (rank + 1);
    }

    ranks->reduce_parts_sum(all_of(values), cuts).wait();
    ranks->all_gather_parts(all_of(values), cuts).wait();

    for (std::size_t i = 0; i < values.size(); ++i) {
      ASSERT_EQ(values[i], static_cast<std::int64_t>(i) * size * (size + 1) / 2) << i;
    }
  }
}

TEST_F(MpiRanks, RefuseDifferentSumsOnEveryRank) {
  if (size == 1) GTEST_SKIP() << "one rank agrees with itself";
  std::vector<float> values(rank == 1 ? 7 : 8);

  EXPECT_THAT([&] { communicator->all_reduce_sum(all_of(values)).wait(); },
              ThrowsMessage<Error>(HasSubstr("but rank 1 sums 7 of f32")));
}

TEST_F(MpiRanks, MovePartsToTheirRanks) {
  std::vector<std::int64_t> parts;
  for (int part = 0; part < size; ++part) parts.push_back(10 * rank + part);
  std::vector<std::int64_t> exchanged(parts.size());
  std::vector<std::int64_t> sum(1);
  std::vector<std::int64_t> gathered(parts.size());
  std::vector<std::int64_t> gathered_apart(parts.size());
  gathered[static_cast<std::size_t>(rank)] = 100 + rank;
  std::vector<std::uint8_t> byte{static_cast<std::uint8_t>(rank)};

  Pending first = communicator->all_to_all(all_of(parts), all_of(exchanged));
  Pending second = communicator->reduce_scatter_sum(all_of(parts), all_of(sum));
  communicator->all_gather(all_of(gathered).slice(rank, 1), all_of(gathered)).wait();
  communicator->all_gather(all_of(sum), all_of(gathered_apart)).wait();
  communicator->broadcast(all_of(byte), size - 1).wait();
  communicator->barrier().wait();
  first.wait();
  second.wait();

  EXPECT_EQ(sum[0], 10 * size * (size - 1) / 2 + size * rank);
  EXPECT_EQ(byte[0], size - 1);
  for (int from = 0; from < size; ++from) {
    const auto at = static_cast<std::size_t>(from);
    EXPECT_EQ(exchanged[at], 10 * from + rank);
    EXPECT_EQ(gathered[at], 100 + from);
    EXPECT_EQ(gathered_apart[at], 10 * size * (size - 1) / 2 + size * from);
  }
}

TEST_F(MpiRanks, RefuseMoreElementsThanMpiCounts) {
  if (size == 1) GTEST_SKIP() << "one rank does not need MPI";
  std::uint8_t byte = 0;  // refused before the memory is touched
  const TensorView huge(&byte, DType::u8, {std::int64_t{1} << 31});

  EXPECT_THAT([&] { communicator->broadcast(huge, 0).wait(); },
              ThrowsMessage<Error>(HasSubstr("2147483648 elements for one rank in one call")));
}

TEST_F(MpiRanks, BucketsSumGradients) {
  ParameterStore store;
  store.add("layer", {100, 50}, WeightDecay::yes);
  store.add("bias", {64}, WeightDecay::no);
  store.add("embedding", {300, 50}, WeightDecay::yes);
  std::vector<float> gradients(static_cast<std::size_t>(store.flat_elements()),
                               static_cast<float>(rank + 1));
  GradientBuckets buckets(*communicator, store, all_of(gradients), 4096);

  buckets.gradients_ready_up_to(5100);
  buckets.finish();

  EXPECT_THAT(gradients, ::testing::Each(static_cast<float>(size * (size + 1) / 2)));
}

TEST_F(MpiRanks, AgreeOnNumbersAndTexts) {
  EXPECT_EQ(control->agree_max("stop", 10 - rank), 10);
  EXPECT_EQ(control->agree_min("stop", 10 - rank), 11 - size);
  EXPECT_EQ(control->broadcast_string("run id", "id " + std::to_string(rank)), "id 0");
  EXPECT_THAT(control->ranks_that_differ("hash", "same"), IsEmpty());
  const auto texts =
      control->gather_strings("texts", std::string(static_cast<std::size_t>(rank), 'x'));
  EXPECT_EQ(texts.size(), rank == 0 ? static_cast<std::size_t>(size) : 0u);
  if (rank == 0) {
    EXPECT_EQ(texts.back(), std::string(static_cast<std::size_t>(size - 1), 'x'));
  }
  control->barrier("end", ControlPlane::Seconds(30));
}

TEST_F(MpiRanks, NameTheRankWithAnotherConfiguration) {
  if (size == 1) GTEST_SKIP() << "one rank agrees with itself";
  const bool odd = rank == size - 1;

  EXPECT_THAT(
      [&] {
        check_same_everywhere(*control, {{"train.seed", odd ? "18" : "17"}});
      },
      ThrowsMessage<UsageError>(HasSubstr("'18' on rank " + std::to_string(size - 1))));
}

TEST_F(MpiRanks, SayWhoIsMissingWhenTheTimeIsUp) {
  if (size == 1) GTEST_SKIP() << "one rank never waits";
  const bool late = rank == size - 1;
  const auto limit = ControlPlane::Seconds(late ? 0.05 : 0.3);
  if (late) std::this_thread::sleep_for(std::chrono::milliseconds(1500));
  const std::string missing = "missing: rank " + std::to_string(size - 1) + " on ";

  EXPECT_THAT([&] { control->barrier("start-up", limit); },
              ThrowsMessage<EnvironmentError>(
                  AllOf(HasSubstr("'start-up'"), HasSubstr(rank == 0 ? missing : "not all of"))));
  EXPECT_THAT([&] { control->agree_max("stop", 1); },
              ThrowsMessage<EnvironmentError>(HasSubstr("out of step")));
}

TEST_F(MpiRanks, AnAgreementThatOthersDoNotJoinEndsToo) {
  if (size == 1) GTEST_SKIP() << "one rank never waits";
  control->set_time_limit(ControlPlane::Seconds(0.2));

  if (rank == 0) {
    EXPECT_THAT([&] { control->agree_max("stop", 1); },
                ThrowsMessage<EnvironmentError>(HasSubstr("reached 'stop' in 0.2 s")));
  }
}

}  // namespace
}  // namespace bertyard
