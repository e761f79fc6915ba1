// SPDX-License-Identifier: Apache-2.0
#include "core/nn/normal_draws.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <vector>

#include "core/base/philox.h"

namespace bertyard {
namespace {

// Logarithm and cosine of the C library cost most of a draw. They are approximated, many at a time,
// to 1e-12; where that leaves open which float the value rounds to, or on which side of the limit
// it lies (one of some thousands), the library decides. So the result is the library's always.
constexpr double kError = 1e-11;
constexpr std::size_t kLanes = 256;       // pairs approximated at a time
constexpr std::size_t kPairs = 64 * 512;  // pairs that a thread takes

struct Lanes {
  std::uint32_t first[kLanes];
  std::uint32_t second[kLanes];
  double z[kLanes];
};

// The four words of Philox blocks `block`, `block` + 1, ...: two pairs of each.
void draw(Lanes& lanes, const NormalDraws& draws, std::uint32_t block) {
  constexpr auto kPurpose = static_cast<std::uint64_t>(RandomPurpose::initialization) << 56;
  const PhiloxKey key = philox_key(draws.seed ^ kPurpose);
  const auto low = static_cast<std::uint32_t>(draws.stream);
  const auto high = static_cast<std::uint32_t>(draws.stream >> 32);
  for (std::size_t i = 0; i < kLanes / 2; ++i) {
    const PhiloxBlock words =
        philox4x32(key, {{block + static_cast<std::uint32_t>(i), 0, low, high}});
    lanes.first[2 * i] = words.word[0];
    lanes.second[2 * i] = words.word[1];
    lanes.first[2 * i + 1] = words.word[2];
    lanes.second[2 * i + 1] = words.word[3];
  }
}

// log(n 2^-32) for n from 1 to 2^32: n = m 2^e with m around 1, and
// log m = 2 (t + t^3 / 3 + t^5 / 5 + ...) with t = (m - 1) / (m + 1), below 0.172.
double log_of(double n) {
  constexpr std::uint64_t kHalfRoot = 0x3FE6A09E667F3BCDull;  // sqrt(1/2)
  constexpr std::uint64_t kMantissa = 0x000FFFFFFFFFFFFFull;
  constexpr std::uint64_t kMagic =
      0x4330000000000000ull;  // 2^52: makes a double of a small integer
  const std::uint64_t bits = std::bit_cast<std::uint64_t>(n) - kHalfRoot;
  const double e = std::bit_cast<double>((bits >> 52) | kMagic) - 0x1p52;
  const double m = std::bit_cast<double>((bits & kMantissa) + kHalfRoot);
  const double t = (m - 1) / (m + 1), s = t * t;
  double sum = 1.0 / 19;
  sum = sum * s + 1.0 / 17;
  sum = sum * s + 1.0 / 15;
  sum = sum * s + 1.0 / 13;
  sum = sum * s + 1.0 / 11;
  sum = sum * s + 1.0 / 9;
  sum = sum * s + 1.0 / 7;
  sum = sum * s + 1.0 / 5;
  sum = sum * s + 1.0 / 3;
  return (e - 32) * std::numbers::ln2 + 2 * t * (sum * s + 1);
}

// cos(2 pi u) = sin(2 pi (1/4 - |u|)) for u from -1/2 to 1/2, by the series.
double cos_of(double u) {
  const double w = 2 * std::numbers::pi * (0.25 - std::abs(u)), s = w * w;
  double sum = -1.0 / (18.0 * 19.0);
  sum = (1 + sum * s) * (-1.0 / (16.0 * 17.0));
  sum = (1 + sum * s) * (-1.0 / (14.0 * 15.0));
  sum = (1 + sum * s) * (-1.0 / (12.0 * 13.0));
  sum = (1 + sum * s) * (-1.0 / (10.0 * 11.0));
  sum = (1 + sum * s) * (-1.0 / (8.0 * 9.0));
  sum = (1 + sum * s) * (-1.0 / (6.0 * 7.0));
  sum = (1 + sum * s) * (-1.0 / (4.0 * 5.0));
  sum = (1 + sum * s) * (-1.0 / (2.0 * 3.0));
  return w * (1 + sum * s);
}

void approximate(Lanes& lanes) {
  for (std::size_t i = 0; i < kLanes; ++i) {
    // Signed integers become doubles in vectors, unsigned ones do not.
    const double n =
        0x1p31 - static_cast<double>(static_cast<std::int32_t>(lanes.first[i] ^ 0x80000000u));
    const double u = static_cast<double>(static_cast<std::int32_t>(lanes.second[i])) * 0x1p-32;
    lanes.z[i] = std::sqrt(-2 * log_of(n)) * cos_of(u);
  }
}

double exact(std::uint32_t first, std::uint32_t second) {
  const double radius = std::sqrt(-2.0 * std::log(1.0 - first * 0x1p-32));
  return radius * std::cos(2.0 * std::numbers::pi * (second * 0x1p-32));
}

// Appends the values of the accepted pairs of one run of lanes; at most `room`.
std::size_t keep(const Lanes& lanes, const NormalDraws& draws, float* out, std::size_t room) {
  const double error = draws.deviation * kError;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < kLanes && kept < room; ++i) {
    double z = lanes.z[i];
    const double value = draws.deviation * z;
    const bool open = static_cast<float>(value - error) != static_cast<float>(value + error) ||
                      std::abs(std::abs(z) - draws.limit) < kError;
    if (open) z = exact(lanes.first[i], lanes.second[i]);
    if (std::abs(z) > draws.limit) continue;
    out[kept++] = static_cast<float>(draws.deviation * z);
  }
  return kept;
}

// Of kPairs pairs from `pair` on, or as many as make `wanted` values.
std::size_t fill_part(float* out, const NormalDraws& draws, std::uint64_t pair,
                      std::size_t wanted) {
  Lanes lanes;
  std::size_t filled = 0;
  for (std::size_t done = 0; done < kPairs && filled < wanted; done += kLanes) {
    draw(lanes, draws, static_cast<std::uint32_t>((pair + done) / 2));
    approximate(lanes);
    filled += keep(lanes, draws, out + filled, wanted - filled);
  }
  return filled;
}

}  // namespace

void fill_normal(std::span<float> values, const NormalDraws& draws, int threads) {
  const auto parts = static_cast<std::size_t>(std::max(threads, 1));
  std::vector<float> made(parts * std::min(kPairs, values.size()));
  std::vector<std::size_t> counts(parts);
  const std::size_t stride = made.size() / parts;
  std::size_t filled = 0;
  for (std::uint64_t pair = 0; filled < values.size(); pair += parts * kPairs) {
    const std::size_t wanted = std::min(stride, values.size() - filled);
#pragma omp parallel for num_threads(threads) schedule(static, 1)
    for (std::size_t part = 0; part < parts; ++part) {
      counts[part] = fill_part(made.data() + part * stride, draws, pair + part * kPairs, wanted);
    }
    for (std::size_t part = 0; part < parts; ++part) {
      const std::size_t count = std::min(counts[part], values.size() - filled);
      std::copy_n(made.data() + part * stride, count, values.data() + filled);
      filled += count;
    }
  }
}

}  // namespace bertyard
