// SPDX-License-Identifier: Apache-2.0
#include "data/tokenizer/piece_trie.h"

#include <algorithm>
#include <cstddef>
#include <deque>
#include <numeric>

namespace bertyard {

// Fills the double array breadth first from the sorted entries.
class PieceTrie::Builder {
 public:
  Builder(std::span<const std::string> entries, std::vector<Node>& nodes)
      : entries_(entries), nodes_(nodes), order_(entries.size()) {
    std::iota(order_.begin(), order_.end(), 0u);
    std::sort(order_.begin(), order_.end(),
              [&](std::uint32_t a, std::uint32_t b) { return entries_[a] < entries_[b]; });
  }

  void build() {
    nodes_.assign(kByteValues + 1, Node{});
    nodes_[0].parent = 0;
    std::deque<Range> open{{0, order_.size(), 0, 0}};
    while (!open.empty()) {
      place_children(open.front(), open);
      open.pop_front();
    }
    // So that child() may look at any byte below any node.
    nodes_.resize(nodes_.size() + kByteValues);
  }

 private:
  static constexpr std::size_t kByteValues = 256;

  // The entries order_[begin, end) share their first `depth` bytes, which lead to `node`.
  struct Range {
    std::size_t begin;
    std::size_t end;
    std::size_t depth;
    std::size_t node;
  };

  unsigned char byte_at(std::size_t position, std::size_t depth) const {
    return static_cast<unsigned char>(entries_[order_[position]][depth]);
  }

  void place_children(Range range, std::deque<Range>& open) {
    if (entries_[order_[range.begin]].size() == range.depth) {
      nodes_[range.node].value = static_cast<std::int32_t>(order_[range.begin++]);
    }
    if (range.begin == range.end) return;
    std::vector<unsigned char> bytes;
    for (std::size_t i = range.begin; i < range.end; ++i) {
      const auto byte = byte_at(i, range.depth);
      if (bytes.empty() || bytes.back() != byte) bytes.push_back(byte);
    }
    const std::size_t first = find_room(bytes);
    nodes_[range.node].first = static_cast<std::int32_t>(first);
    std::size_t begin = range.begin;
    for (const unsigned char byte : bytes) {
      std::size_t end = begin + 1;
      while (end < range.end && byte_at(end, range.depth) == byte) ++end;
      nodes_[first + byte].parent = static_cast<std::int32_t>(range.node);
      open.push_back({begin, end, range.depth + 1, first + byte});
      begin = end;
    }
  }

  bool is_free(std::size_t node) const { return nodes_[node].parent == kNone; }

  // The least place for a row of children with these bytes, all free. Rows begin at 1 or later, so
  // that no byte leads back to the root.
  std::size_t find_room(const std::vector<unsigned char>& bytes) {
    while (!is_free(first_free_)) grow(++first_free_);
    for (std::size_t place = first_free_;; ++place) {
      grow(place + kByteValues);
      if (place <= bytes.front() || !is_free(place)) continue;
      const std::size_t first = place - bytes.front();
      const bool fits = std::all_of(bytes.begin(), bytes.end(),
                                    [&](unsigned char byte) { return is_free(first + byte); });
      if (!fits) continue;
      // Crowded regions are not searched again, or building would be quadratic.
      if (place - first_free_ > kSearchLength) first_free_ = place - kSearchLength;
      return first;
    }
  }

  void grow(std::size_t last) {
    if (last >= nodes_.size()) nodes_.resize(std::max(last + 1, nodes_.size() * 2));
  }

  static constexpr std::size_t kSearchLength = 1024;

  std::span<const std::string> entries_;
  std::vector<Node>& nodes_;
  std::vector<std::uint32_t> order_;
  std::size_t first_free_ = 1;
};

PieceTrie::PieceTrie(std::span<const std::string> entries) {
  Builder(entries, nodes_).build();
}

std::int32_t PieceTrie::find(std::string_view prefix) const {
  std::int32_t node = root();
  for (const char byte : prefix) {
    node = child(node, static_cast<unsigned char>(byte));
    if (node == kNone) break;
  }
  return node;
}

}  // namespace bertyard
