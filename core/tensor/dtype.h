// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace bertyard {

// Upper half of an IEEE float; arithmetic happens in float.
struct BFloat16 {
  std::uint16_t bits;
};

struct Float16 {
  std::uint16_t bits;
};

enum class DType { f32, bf16, f16, f64, i32, i64, u8, u16, u32, u64 };

std::size_t size_of(DType type);
std::string_view name_of(DType type);

template <DType type>
struct IsDType {
  static constexpr DType value = type;
};
template <typename T>
struct DTypeOf;
template <>
struct DTypeOf<float> : IsDType<DType::f32> {};
template <>
struct DTypeOf<BFloat16> : IsDType<DType::bf16> {};
template <>
struct DTypeOf<Float16> : IsDType<DType::f16> {};
template <>
struct DTypeOf<double> : IsDType<DType::f64> {};
template <>
struct DTypeOf<std::int32_t> : IsDType<DType::i32> {};
template <>
struct DTypeOf<std::int64_t> : IsDType<DType::i64> {};
template <>
struct DTypeOf<std::uint8_t> : IsDType<DType::u8> {};
template <>
struct DTypeOf<std::uint16_t> : IsDType<DType::u16> {};
template <>
struct DTypeOf<std::uint32_t> : IsDType<DType::u32> {};
template <>
struct DTypeOf<std::uint64_t> : IsDType<DType::u64> {};

}  // namespace bertyard
