// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace bertyard {

// A growing list of token ids in the 16 or 32 bits that a shard stores them with.
class PackedIds {
 public:
  enum class Width { u16, u32 };
  explicit PackedIds(Width width) : width_(width) {}

  std::size_t size() const { return width_ == Width::u16 ? narrow_.size() : wide_.size(); }
  Width width() const { return width_; }
  std::span<const std::byte> bytes() const {
    return width_ == Width::u16 ? std::as_bytes(std::span(narrow_))
                                : std::as_bytes(std::span(wide_));
  }
  void reserve(std::size_t ids) {
    width_ == Width::u16 ? narrow_.reserve(ids) : wide_.reserve(ids);
  }
  void append(std::span<const std::uint32_t> ids) {
    if (width_ == Width::u16) {
      narrow_.insert(narrow_.end(), ids.begin(), ids.end());
    } else {
      wide_.insert(wide_.end(), ids.begin(), ids.end());
    }
  }
  // ids [begin, end) of another list of the same width.
  void append(const PackedIds& from, std::size_t begin, std::size_t end) {
    if (width_ == Width::u16) {
      narrow_.insert(narrow_.end(), at(from.narrow_, begin), at(from.narrow_, end));
    } else {
      wide_.insert(wide_.end(), at(from.wide_, begin), at(from.wide_, end));
    }
  }
  // Replaces `ids` by [begin, end).
  void read(std::size_t begin, std::size_t end, std::vector<std::uint32_t>& ids) const {
    if (width_ == Width::u16) {
      ids.assign(at(narrow_, begin), at(narrow_, end));
    } else {
      ids.assign(at(wide_, begin), at(wide_, end));
    }
  }
  void replace(std::size_t begin, std::span<const std::uint32_t> ids) {
    for (std::size_t i = 0; i < ids.size(); ++i) {
      if (width_ == Width::u16) {
        narrow_[begin + i] = static_cast<std::uint16_t>(ids[i]);
      } else {
        wide_[begin + i] = ids[i];
      }
    }
  }

 private:
  template <typename T>
  static typename std::vector<T>::const_iterator at(const std::vector<T>& list, std::size_t place) {
    return list.begin() + static_cast<std::ptrdiff_t>(place);
  }

  Width width_;
  std::vector<std::uint16_t> narrow_;
  std::vector<std::uint32_t> wide_;
};

}  // namespace bertyard
