// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace bertyard {

// The draws of CPython 3's random.Random(seed), for `sampling: google` alone: the Mersenne Twister
// MT19937 (Matsumoto and Nishimura 1998), seeded by init_by_array with the 32-bit limbs of the
// seed, which is not how std::mt19937 seeds.
class PythonRandom {
 public:
  explicit PythonRandom(std::uint64_t seed);

  std::uint32_t next_u32();
  // random(): [0, 1) with 53 bits.
  double next_unit();
  // randrange(bound), bound > 0: as many leading bits as `bound` has, until they are below it.
  std::uint32_t next_below(std::uint32_t bound);
  // randint(low, high), both included.
  std::uint32_t next_in(std::uint32_t low, std::uint32_t high) {
    return low + next_below(high - low + 1);
  }
  // shuffle()
  template <typename T>
  void shuffle(std::vector<T>& values) {
    for (std::size_t i = values.size(); i > 1; --i) {
      std::swap(values[i - 1], values[next_below(static_cast<std::uint32_t>(i))]);
    }
  }

 private:
  void twist();

  std::array<std::uint32_t, 624> state_;
  std::size_t next_ = 624;
};

}  // namespace bertyard
