// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace bertyard {

// Tokens of a segment with what truncation has left of them.
struct Segment {
  std::vector<std::uint32_t> tokens;
  std::size_t begin = 0;
  std::size_t end = 0;

  void clear() {
    tokens.clear();
    begin = end = 0;
  }
  void append(std::span<const std::uint32_t> sentence) {
    tokens.insert(tokens.end(), sentence.begin(), sentence.end());
    end = tokens.size();
  }
  std::size_t size() const { return end - begin; }
  // The first or the last token, with even chances. Draws: PhiloxSequence or PythonRandom.
  template <typename Draws>
  void drop_one(Draws& draws) {
    draws.next_unit() < 0.5 ? (void)++begin : (void)--end;
  }
  void append_to(std::vector<std::uint32_t>& out) const {
    out.insert(out.end(), tokens.begin() + static_cast<std::ptrdiff_t>(begin),
               tokens.begin() + static_cast<std::ptrdiff_t>(end));
  }
};

}  // namespace bertyard
