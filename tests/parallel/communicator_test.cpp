// SPDX-License-Identifier: Apache-2.0
#include "parallel/communicator.h"

#include <cstdint>
#include <numeric>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "parallel/single_communicator.h"
#include "parallel/thread_group.h"

namespace bertyard {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

template <typename T>
TensorView all_of(std::vector<T>& values) {
  return view_of(std::span<T>(values));
}

TEST(SingleCommunicator, CopiesInputToOutput) {
  SingleCommunicator communicator;
  std::vector<float> in{1, 2, 3};
  std::vector<float> scattered(3);
  std::vector<float> gathered(3);
  std::vector<float> exchanged(3);

  communicator.all_reduce_sum(all_of(in)).wait();
  communicator.broadcast(all_of(in), 0).wait();
  communicator.reduce_scatter_sum(all_of(in), all_of(scattered)).wait();
  communicator.all_gather(all_of(in), all_of(gathered)).wait();
  communicator.all_to_all(all_of(in), all_of(exchanged)).wait();
  communicator.barrier().wait();

  EXPECT_THAT(in, ElementsAre(1, 2, 3));
  EXPECT_THAT(scattered, ElementsAre(1, 2, 3));
  EXPECT_THAT(gathered, ElementsAre(1, 2, 3));
  EXPECT_THAT(exchanged, ElementsAre(1, 2, 3));
}

TEST(Communicator, RefusesArgumentsThatDoNotFit) {
  SingleCommunicator communicator;
  std::vector<float> two(2);
  std::vector<float> three(3);
  std::vector<double> wide(2);
  std::vector<std::uint8_t> bytes(2);
  const auto call = [](auto body) { return [body] { body().wait(); }; };
  const auto says = [](const char* text) { return ThrowsMessage<Error>(HasSubstr(text)); };

  EXPECT_THAT(call([&] { return communicator.all_reduce_sum(all_of(bytes)); }),
              says("adds f32, bf16, f64, i32, i64 or u64; found u8"));
  EXPECT_THAT(
      call([&] { return communicator.all_reduce_sum(TensorView(nullptr, DType::f32, {4})); }),
      says("all_reduce_sum got an absent tensor"));
  EXPECT_THAT(call([&] { return communicator.all_gather(all_of(two), all_of(three)); }),
              says("all_gather from [2] into [3]"));
  EXPECT_THAT(call([&] { return communicator.all_gather(all_of(two), all_of(wide)); }),
              says("all_gather from f32 into f64; the types must be equal"));
  EXPECT_THAT(call([&] { return communicator.all_to_all(all_of(two), all_of(two)); }),
              says("overlapping input and output"));
  EXPECT_THAT(call([&] { return communicator.broadcast(all_of(two), 1); }),
              says("broadcast from rank 1 of 1"));
}

TEST(Communicator, RefusesToExchangeWhatDoesNotDivide) {
  ThreadGroup group(2);
  std::vector<float> in(3);
  std::vector<float> out(3);

  EXPECT_THAT([&] { group.communicator(0).all_to_all(all_of(in), all_of(out)).wait(); },
              ThrowsMessage<Error>(HasSubstr("all_to_all of 3 elements between 2 ranks")));
}

TEST(Communicator, EmptyTensorsAreNoWork) {
  ThreadGroup group(2);
  std::vector<float> none;

  group.communicator(1).all_reduce_sum(all_of(none)).wait();
  group.communicator(1).all_gather(all_of(none), all_of(none)).wait();
}

class ThreadRanks : public ::testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Sizes, ThreadRanks, ::testing::Values(1, 2, 3, 4));

TEST_P(ThreadRanks, AllReduceAddsInTheOrderOfTheRanks) {
  constexpr int kCount = 2501;
  const auto value = [](int rank, int i) { return 1.0f / static_cast<float>(1 + rank * 7 + i); };
  std::vector<float> expected(kCount);
  for (int i = 0; i < kCount; ++i) {
    float sum = value(0, i);
    for (int rank = 1; rank < GetParam(); ++rank) sum += value(rank, i);
    expected[static_cast<std::size_t>(i)] = sum;
  }
  ThreadGroup group(GetParam());

  group.run([&](Communicator& communicator, ControlPlane&) {
    std::vector<float> mine(kCount);
    for (int i = 0; i < kCount; ++i) {
      mine[static_cast<std::size_t>(i)] = value(communicator.rank(), i);
    }
    communicator.all_reduce_sum(all_of(mine)).wait();
    EXPECT_EQ(mine, expected);
  });
}

TEST_P(ThreadRanks, MovesPartsToTheirRanks) {
  const int size = GetParam();
  ThreadGroup group(size);

  group.run([&](Communicator& communicator, ControlPlane&) {
    const int rank = communicator.rank();
    std::vector<std::int64_t> parts(static_cast<std::size_t>(size));
    std::iota(parts.begin(), parts.end(), 10 * rank);  // part p of rank r: 10 r + p
    std::vector<std::int64_t> exchanged(parts.size());
    std::vector<std::int64_t> sum(1);
    std::vector<std::int64_t> gathered(parts.size());
    gathered[static_cast<std::size_t>(rank)] = 100 + rank;
    std::vector<std::uint8_t> byte{static_cast<std::uint8_t>(rank)};
    Pending first = communicator.all_to_all(all_of(parts), all_of(exchanged));
    Pending second = communicator.reduce_scatter_sum(all_of(parts), all_of(sum));
    communicator.all_gather(all_of(gathered).slice(rank, 1), all_of(gathered)).wait();
    communicator.broadcast(all_of(byte), size - 1).wait();
    first.wait();
    second.wait();

    EXPECT_EQ(sum[0], 10 * size * (size - 1) / 2 + size * rank);
    EXPECT_EQ(byte[0], size - 1);
    for (int from = 0; from < size; ++from) {
      EXPECT_EQ(exchanged[static_cast<std::size_t>(from)], 10 * from + rank);
      EXPECT_EQ(gathered[static_cast<std::size_t>(from)], 100 + from);
    }
  });
}

TEST(ThreadGroup, NamesTheRankThatMakesAnotherCall) {
  ThreadGroup group(3);

  const auto run = [&] {
    group.run([](Communicator& communicator, ControlPlane&) {
      std::vector<float> values(communicator.rank() == 2 ? 4u : 5u);
      communicator.all_reduce_sum(all_of(values)).wait();
    });
  };

  EXPECT_THAT(run, ThrowsMessage<Error>(HasSubstr("rank 0 calls 'all_reduce_sum f32 [5]' but rank "
                                                  "2 calls 'all_reduce_sum f32 [4]'")));
}

TEST(ThreadGroup, AFailedRankReleasesTheOthersAndIsReported) {
  ThreadGroup group(3);

  const auto run = [&] {
    group.run([](Communicator& communicator, ControlPlane&) {
      if (communicator.rank() == 1) throw DataError("shard 7 is damaged");
      communicator.barrier().wait();
    });
  };

  EXPECT_THAT(run, ThrowsMessage<DataError>("shard 7 is damaged"));
}

TEST(ThreadGroup, NeedsARank) {
  EXPECT_THROW(ThreadGroup(0), Error);
}

TEST(Pending, SaysThatTheGroupWasClosed) {
  Pending abandoned;
  {
    ThreadGroup group(2);
    abandoned = group.communicator(0).barrier();
    EXPECT_FALSE(abandoned.complete());
  }

  EXPECT_THAT([&] { abandoned.wait(); }, ThrowsMessage<Error>(HasSubstr("closed")));
  EXPECT_TRUE(abandoned.complete());
  abandoned.wait();
}

}  // namespace
}  // namespace bertyard
