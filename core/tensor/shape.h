// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string>

namespace bertyard {

// Up to four extents, outermost first; tensors are contiguous and row-major.
class Shape {
 public:
  static constexpr int kMaxRank = 4;

  Shape() = default;
  Shape(std::initializer_list<std::int64_t> extents);

  int rank() const { return rank_; }
  std::int64_t operator[](int axis) const { return extents_[static_cast<std::size_t>(axis)]; }
  std::int64_t elements() const;
  // Elements of one row: the product of all extents but the first.
  std::int64_t row_elements() const;
  Shape with_rows(std::int64_t rows) const;
  bool operator==(const Shape&) const = default;

 private:
  std::array<std::int64_t, kMaxRank> extents_{};
  int rank_ = 0;
};

// "[128, 768]"
std::string to_string(const Shape& shape);

}  // namespace bertyard
