// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bertyard {

// Prefix tree over bytes in a double array (Aoe, 1989): the child of node n by byte b is
// first[n] + b, if that place names n as its parent. Immutable.
class PieceTrie {
 public:
  static constexpr std::int32_t kNone = -1;

  // The value of an entry is its index. Entries are distinct and not empty.
  explicit PieceTrie(std::span<const std::string> entries);

  std::int32_t root() const { return 0; }
  // The node below `node` by `byte`, or kNone.
  std::int32_t child(std::int32_t node, unsigned char byte) const {
    const std::int32_t next = nodes_[static_cast<std::size_t>(node)].first + byte;
    return nodes_[static_cast<std::size_t>(next)].parent == node ? next : kNone;
  }
  // The entry that ends at `node`, or kNone.
  std::int32_t value(std::int32_t node) const {
    return nodes_[static_cast<std::size_t>(node)].value;
  }
  // The node that `prefix` leads to from the root, or kNone.
  std::int32_t find(std::string_view prefix) const;

 private:
  struct Node {
    std::int32_t first = 0;
    std::int32_t parent = kNone;
    std::int32_t value = kNone;
  };
  class Builder;

  std::vector<Node> nodes_;
};

}  // namespace bertyard
