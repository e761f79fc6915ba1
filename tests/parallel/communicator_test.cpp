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

TEST_P(ThreadRanks, SumAndGatherUnequalParts) {
  const int size = GetParam();
  std::vector<std::int64_t> cuts{0};
  for (int part = 0; part < size; ++part) cuts.push_back(cuts.back() + 5 * part);
  ThreadGroup group(size);

  group.run([&](Communicator& communicator, ControlPlane&) {
    std::vector<double> values(static_cast<std::size_t>(cuts.back()),
                               10.0 * (1 + communicator.rank()));
    const std::vector<double> sum(values.size(), 10.0 * size * (size + 1) / 2);
    communicator.reduce_parts_sum(all_of(values), cuts).wait();
    communicator.all_gather_parts(all_of(values), cuts).wait();
    EXPECT_EQ(values, sum);
  });
}

// What a communicator without its own way does: a sum of everything and broadcasts.
class PlainCommunicator : public Communicator {
 public:
  explicit PlainCommunicator(Communicator& inner)
      : Communicator(inner.rank(), inner.size()), inner_(inner) {}
  std::string_view name() const override { return "plain"; }

 private:
  Pending start_all_reduce_sum(TensorView values) override { return inner_.all_reduce_sum(values); }
  Pending start_reduce_scatter_sum(ConstTensorView in, TensorView out) override {
    return inner_.reduce_scatter_sum(in, out);
  }
  Pending start_all_gather(ConstTensorView in, TensorView out) override {
    return inner_.all_gather(in, out);
  }
  Pending start_all_to_all(ConstTensorView in, TensorView out) override {
    return inner_.all_to_all(in, out);
  }
  Pending start_broadcast(TensorView values, int root) override {
    return inner_.broadcast(values, root);
  }
  Pending start_barrier() override { return inner_.barrier(); }

  Communicator& inner_;
};

TEST(Communicator, UnequalPartsNeedNothingOfAnImplementation) {
  const std::vector<std::int64_t> cuts{0, 3, 3, 10};
  ThreadGroup group(3);

  group.run([&](Communicator& inner, ControlPlane&) {
    PlainCommunicator communicator(inner);
    std::vector<float> values(10, static_cast<float>(1 + communicator.rank()));
    communicator.reduce_parts_sum(all_of(values), cuts).wait();
    const auto own = static_cast<std::size_t>(communicator.rank());
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto at = static_cast<std::int64_t>(i);
      if (at < cuts[own] || at >= cuts[own + 1]) values[i] = -1;
    }
    communicator.all_gather_parts(all_of(values), cuts).wait();
    EXPECT_EQ(values, std::vector<float>(10, 6.0f));
  });
}

TEST(Communicator, RefusesCutsThatDoNotFit) {
  ThreadGroup group(2);
  std::vector<float> values(4);
  for (const std::vector<std::int64_t>& cuts :
       {std::vector<std::int64_t>{0, 4}, {0, 2, 3}, {1, 2, 4}, {0, 5, 4}}) {
    EXPECT_THAT([&] { group.communicator(0).all_gather_parts(all_of(values), cuts).wait(); },
                ThrowsMessage<Error>(HasSubstr("needs 3 cuts that rise from 0 to 4, found ")));
  }
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
