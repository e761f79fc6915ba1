// SPDX-License-Identifier: Apache-2.0
// Compiled once for every instruction set, in a namespace of its own (BERTYARD_ISA_NAMESPACE). Uses
// no inline function of other headers: the linker keeps one of each, and it could be this one.
#include "data/vector_loops.h"

#include <cstring>

#include "core/base/philox_vector.h"

namespace bertyard::BERTYARD_ISA_NAMESPACE {
namespace {

constexpr std::size_t kVectors = kPhiloxVectors;
static_assert(FeistelLanes::kCount % (kVectors * kPhiloxLanes) == 0);

PhiloxLanes load(const std::uint64_t* from) {
  PhiloxLanes lanes;
  std::memcpy(&lanes, from, sizeof(lanes));
  return lanes;
}

void encrypt(FeistelLanes& lanes, PhiloxKey key, std::uint32_t rounds, std::uint32_t half_mask) {
  for (std::size_t first = 0; first < FeistelLanes::kCount; first += kVectors * kPhiloxLanes) {
    PhiloxLanes left[kVectors], right[kVectors], epoch_low[kVectors], epoch_high[kVectors];
    for (std::size_t v = 0; v < kVectors; ++v) {
      const std::size_t at = first + v * kPhiloxLanes;
      left[v] = load(lanes.left + at);
      right[v] = load(lanes.right + at);
      epoch_low[v] = load(lanes.epoch_low + at);
      epoch_high[v] = load(lanes.epoch_high + at);
    }
    for (std::uint32_t round = 0; round < rounds; ++round) {
      PhiloxVector words[kVectors];
      for (std::size_t v = 0; v < kVectors; ++v) {
        words[v] = {{right[v], all_lanes(round), epoch_low[v], epoch_high[v]}};
      }
      philox4x32_vectors(key, words);
      for (std::size_t v = 0; v < kVectors; ++v) {
        const PhiloxLanes mixed = left[v] ^ (words[v].word[0] & all_lanes(half_mask));
        left[v] = right[v];
        right[v] = mixed;
      }
    }
    for (std::size_t v = 0; v < kVectors; ++v) {
      const std::size_t at = first + v * kPhiloxLanes;
      std::memcpy(lanes.left + at, &left[v], sizeof(left[v]));
      std::memcpy(lanes.right + at, &right[v], sizeof(right[v]));
    }
  }
}

template <typename Id>
std::uint32_t widen(const Id* from, std::size_t count, std::uint32_t* to) {
  Id greatest = 0;
#pragma omp simd reduction(max : greatest)
  for (std::size_t i = 0; i < count; ++i) {
    to[i] = from[i];
    greatest = from[i] > greatest ? from[i] : greatest;
  }
  return greatest;
}

void fill_rows(const SampleRows& rows, std::size_t count, const std::uint32_t* tokens,
               const std::uint8_t* segments, std::uint64_t global_index) {
  for (std::size_t i = 0; i < count; ++i) rows.tokens[i] = static_cast<std::int32_t>(tokens[i]);
  for (std::size_t i = 0; i < count; ++i) rows.positions[i] = static_cast<std::int32_t>(i);
  for (std::size_t i = 0; i < count; ++i) rows.segments[i] = segments[i];
  for (std::size_t i = 0; i < count; ++i) rows.samples[i] = global_index;
}

}  // namespace

const VectorLoops& vector_loops() {
  static const VectorLoops loops{BERTYARD_ISA_NAME, encrypt, widen<std::uint16_t>,
                                 widen<std::uint32_t>, fill_rows};
  return loops;
}

}  // namespace bertyard::BERTYARD_ISA_NAMESPACE
