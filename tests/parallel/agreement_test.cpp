// SPDX-License-Identifier: Apache-2.0
#include "parallel/agreement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "parallel/thread_group.h"

namespace bertyard {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::ThrowsMessage;

// Runs the comparison on `ranks` ranks, with the items that `items` gives each.
template <typename Items>
auto comparison(int ranks, Items items) {
  return [=] {
    ThreadGroup group(ranks);
    group.run([&](Communicator&, ControlPlane& control) {
      check_same_everywhere(control, items(control.rank()));
    });
  };
}

TEST(CheckSameEverywhere, AcceptsEqualItemsInAnyOrder) {
  comparison(3, [](int rank) {
    std::vector<AgreementItem> items{{"train.seed", "17"}, {"note", "12:e:"}};
    if (rank == 1) std::swap(items[0], items[1]);
    return items;
  })();
}

TEST(CheckSameEverywhere, NamesTheItemTheValuesAndTheRanks) {
  const auto run = comparison(4, [](int rank) {
    return std::vector<AgreementItem>{{"model.layers", "12"},
                                      {"train.seed", rank == 3 ? "18" : "17"}};
  });

  EXPECT_THAT(
      run, ThrowsMessage<UsageError>(
               AllOf(HasSubstr("do not have the same configuration"),
                     HasSubstr("train.seed: '17' on ranks 0-2; '18' on rank 3"),
                     HasSubstr("give every rank the same file"), Not(HasSubstr("model.layers")))));
}

TEST(CheckSameEverywhere, ADifferentProgramIsTheEnvironmentsFault) {
  const auto run = comparison(2, [](int rank) {
    std::vector<AgreementItem> items{
        {"program", rank == 0 ? "0123" : "4567", ItemOrigin::environment}};
    if (rank == 1) items.push_back({"new.key", std::string(100, 'x')});
    return items;
  });

  EXPECT_THAT(
      run,
      ThrowsMessage<EnvironmentError>(AllOf(
          HasSubstr("program: '0123' on rank 0; '4567' on rank 1"),
          HasSubstr("new.key: '(absent)' on rank 0; '" + std::string(60, 'x') + "...' on rank 1"),
          HasSubstr("one installation"))));
}

TEST(RankList, JoinsRuns) {
  EXPECT_EQ(rank_list({0, 1, 2, 5, 7, 8}), "0-2, 5, 7-8");
  EXPECT_EQ(rank_list({}), "");
}

}  // namespace
}  // namespace bertyard
