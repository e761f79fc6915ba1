// SPDX-License-Identifier: Apache-2.0
#include "data/samples/python_random.h"

#include <numeric>

#include <gtest/gtest.h>

namespace bertyard {
namespace {

// What CPython 3.11 draws: r = random.Random(seed); three getrandbits(32), random(),
// randint(2, 125), randint(0, 30521), randint(0, 0), shuffle(list(range(10))).
struct Known {
  std::uint64_t seed;
  std::vector<std::uint32_t> words;
  double unit;
  std::vector<std::uint32_t> in_range;
  std::vector<int> shuffled;
};

const Known kKnown[] = {
    {12345,
     {1789368711, 3146859322, 43676229},
     0.8201747225612886,
     {104, 9785, 0},
     {5, 8, 7, 9, 0, 2, 1, 6, 4, 3}},
    {0,
     {3626764237, 1654615998, 3255389356},
     0.890243920837131,
     {7, 8484, 0},
     {9, 0, 3, 5, 1, 8, 2, 7, 4, 6}},
    {42,
     {2746317213, 478163327, 107420369},
     0.7415504997598329,
     {33, 7314, 0},
     {7, 2, 5, 6, 0, 3, 4, 9, 8, 1}},
    // 2**40 + 7: two limbs
    {1099511627783,
     {2635837658, 3209733218, 3500038837},
     0.937932416386988,
     {83, 18690, 0},
     {0, 7, 1, 3, 8, 5, 9, 6, 2, 4}},
};

TEST(PythonRandom, DrawsWhatCPythonDraws) {
  for (const Known& known : kKnown) {
    PythonRandom draws(known.seed);
    std::vector<std::uint32_t> words{draws.next_u32(), draws.next_u32(), draws.next_u32()};
    EXPECT_EQ(words, known.words);
    EXPECT_EQ(draws.next_unit(), known.unit);
    std::vector<std::uint32_t> in_range{draws.next_in(2, 125), draws.next_in(0, 30521),
                                        draws.next_in(0, 0)};
    EXPECT_EQ(in_range, known.in_range);
    std::vector<int> values(10);
    std::iota(values.begin(), values.end(), 0);
    draws.shuffle(values);
    EXPECT_EQ(values, known.shuffled) << known.seed;
  }
}

TEST(PythonRandom, TwistsBeyondItsState) {
  PythonRandom draws(12345);
  std::uint32_t last = 0;
  for (int i = 0; i < 2000; ++i) last = draws.next_u32();
  EXPECT_EQ(last, 3083619685u);  // the 2,000th getrandbits(32)
}

}  // namespace
}  // namespace bertyard
