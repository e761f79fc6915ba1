// SPDX-License-Identifier: Apache-2.0
#include "parallel/rank_ordered_sum.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <type_traits>

#include "core/base/error.h"

namespace bertyard {
namespace {

// Elements summed at a time; the partial sums stay in the first-level cache.
constexpr std::int64_t kBlock = 1024;

template <typename T>
void sum_block(T* out, std::span<const void* const> sources, std::int64_t first,
               std::int64_t count) {
  T sums[kBlock];
  const T* source = static_cast<const T*>(sources[0]) + first;
  std::copy(source, source + count, sums);
  for (std::size_t rank = 1; rank < sources.size(); ++rank) {
    source = static_cast<const T*>(sources[rank]) + first;
    if (count == kBlock) {  // a constant trip count lets the compiler vectorise at -O2
      for (std::int64_t i = 0; i < kBlock; ++i) sums[i] += source[i];
    } else {
      for (std::int64_t i = 0; i < count; ++i) sums[i] += source[i];
    }
  }
  std::copy(sums, sums + count, out + first);
}

float widened(BFloat16 x) {
  return std::bit_cast<float>(std::uint32_t{x.bits} << 16);
}
BFloat16 rounded(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  if (std::isnan(x)) return {static_cast<std::uint16_t>(bits >> 16 | 0x40)};
  return {static_cast<std::uint16_t>((bits + 0x7FFF + (bits >> 16 & 1)) >> 16)};  // to even
}

// In float, rounded once.
void sum_bfloats(void* out, std::span<const void* const> sources, std::int64_t elements) {
  for (std::int64_t i = 0; i < elements; ++i) {
    float sum = 0;
    for (const void* source : sources) sum += widened(static_cast<const BFloat16*>(source)[i]);
    static_cast<BFloat16*>(out)[i] = rounded(sum);
  }
}

// Signed integers are added as unsigned ones: the same bits, and defined on overflow.
template <typename T>
void sum_all(void* out, std::span<const void* const> sources, std::int64_t elements) {
  for (std::int64_t first = 0; first < elements; first += kBlock) {
    sum_block(static_cast<T*>(out), sources, first, std::min(kBlock, elements - first));
  }
}

}  // namespace

bool is_summable(DType type) {
  return type == DType::f32 || type == DType::bf16 || type == DType::f64 || type == DType::i32 ||
         type == DType::i64 || type == DType::u64;
}

void rank_ordered_sum(void* out, std::span<const void* const> sources, DType type,
                      std::int64_t elements) {
  BERTYARD_CHECK(is_summable(type) && !sources.empty(), "parallel: nothing that can be added");
  switch (type) {
    case DType::f32:
      return sum_all<float>(out, sources, elements);
    case DType::bf16:
      return sum_bfloats(out, sources, elements);
    case DType::f64:
      return sum_all<double>(out, sources, elements);
    case DType::i32:
      return sum_all<std::uint32_t>(out, sources, elements);
    default:
      return sum_all<std::uint64_t>(out, sources, elements);
  }
}

}  // namespace bertyard
