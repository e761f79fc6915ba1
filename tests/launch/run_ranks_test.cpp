// SPDX-License-Identifier: Apache-2.0
// Guarantees about the number of ranks: design, 4.6 and 5.1.
#include "tests/launch/run_fixture.h"

namespace bertyard {
namespace {

class RanksTest : public RunTest {
 protected:
  std::vector<LossLine> losses(int ranks, const std::string& name) const {
    const testing::Ended ended = train(ranks, name);
    EXPECT_EQ(ended.code, 0) << ended.errors;
    return parse_losses(read(run(name) / "loss.log"));
  }
};

// 1e-5 is the contract (design, 4.6); what differs is the order in which float32 gradients are
// added, so the first step's losses, which need no gradient, must agree to the last digits of the
// double sums.
TEST_F(RanksTest, OneTwoAndFourRanksHaveTheSameTwentyLosses) {
  BERTYARD_REQUIRE_MPIRUN();
  const std::vector<LossLine> shell = losses(0, "shell"), one = losses(1, "one"),
                              two = losses(2, "two"), four = losses(4, "four");

  ASSERT_EQ(one.size(), 24u);
  ASSERT_GT(one.front().mlm - one[19].mlm, 0.2) << "nothing was learnt: nothing is compared";
  for (const std::vector<LossLine>* other : {&shell, &two, &four}) {
    ASSERT_EQ(other->size(), one.size());
    for (std::size_t i = 0; i < 20; ++i) {
      EXPECT_EQ((*other)[i].step, one[i].step);
      EXPECT_EQ((*other)[i].masked, one[i].masked);
      EXPECT_EQ((*other)[i].samples, 16);
      const double tolerance = i == 0 ? 1e-12 : 1e-5;
      EXPECT_LT(relative_difference((*other)[i].mlm, one[i].mlm), tolerance) << "step " << i + 1;
      EXPECT_LT(relative_difference((*other)[i].sentence, one[i].sentence), tolerance)
          << "step " << i + 1;
    }
  }
  EXPECT_EQ(read(run("shell") / "loss.log"), read(run("one") / "loss.log"));
}

TEST_F(RanksTest, TheSameRanksTwiceAreTheSameBits) {
  BERTYARD_REQUIRE_MPIRUN();
  for (const int ranks : {1, 2, 4}) {
    const std::string first = "first-" + std::to_string(ranks);
    const std::string second = "second-" + std::to_string(ranks);
    EXPECT_EQ(train(ranks, first).code, 0);
    EXPECT_EQ(train(ranks, second).code, 0);
    SCOPED_TRACE(ranks);
    expect_same_bits(first, second);
  }
}

}  // namespace
}  // namespace bertyard
