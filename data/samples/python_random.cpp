// SPDX-License-Identifier: Apache-2.0
#include "data/samples/python_random.h"

#include <algorithm>
#include <bit>

namespace bertyard {
namespace {

constexpr std::size_t kWords = 624;
constexpr std::size_t kMiddle = 397;

}  // namespace

PythonRandom::PythonRandom(std::uint64_t seed) {
  const std::array<std::uint32_t, 2> limbs{static_cast<std::uint32_t>(seed),
                                           static_cast<std::uint32_t>(seed >> 32)};
  const std::size_t limb_count = limbs[1] == 0 ? 1 : 2;
  state_[0] = 19650218;
  for (std::uint32_t i = 1; i < kWords; ++i) {
    state_[i] = 1812433253u * (state_[i - 1] ^ (state_[i - 1] >> 30)) + i;
  }
  std::size_t i = 1;
  const auto before = [&] { return state_[i - 1] ^ (state_[i - 1] >> 30); };
  const auto advance = [&] {
    if (++i < kWords) return;
    state_[0] = state_[kWords - 1];
    i = 1;
  };
  for (std::size_t k = 0; k < kWords; ++k) {
    const std::size_t limb = k % limb_count;
    state_[i] =
        (state_[i] ^ (before() * 1664525u)) + limbs[limb] + static_cast<std::uint32_t>(limb);
    advance();
  }
  for (std::size_t k = 1; k < kWords; ++k) {
    state_[i] = (state_[i] ^ (before() * 1566083941u)) - static_cast<std::uint32_t>(i);
    advance();
  }
  state_[0] = 0x80000000u;
}

void PythonRandom::twist() {
  for (std::size_t i = 0; i < kWords; ++i) {
    const std::uint32_t bits = (state_[i] & 0x80000000u) | (state_[(i + 1) % kWords] & 0x7FFFFFFFu);
    state_[i] = state_[(i + kMiddle) % kWords] ^ (bits >> 1) ^ ((bits & 1) * 0x9908B0DFu);
  }
  next_ = 0;
}

std::uint32_t PythonRandom::next_u32() {
  if (next_ == kWords) twist();
  std::uint32_t word = state_[next_++];
  word ^= word >> 11;
  word ^= (word << 7) & 0x9D2C5680u;
  word ^= (word << 15) & 0xEFC60000u;
  return word ^ (word >> 18);
}

double PythonRandom::next_unit() {
  const std::uint32_t high = next_u32() >> 5;
  const std::uint32_t low = next_u32() >> 6;
  return (high * 67108864.0 + low) * 0x1p-53;
}

std::uint32_t PythonRandom::next_below(std::uint32_t bound) {
  const int bits = std::bit_width(bound);
  std::uint32_t drawn = 0;
  do {
    drawn = next_u32() >> (32 - bits);
  } while (drawn >= bound);
  return drawn;
}

}  // namespace bertyard
