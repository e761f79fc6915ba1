// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace bertyard {

// Tells the lines that start a document by an ECMAScript regular expression; without one no line
// does. Owns the compiled expression.
class DocumentStart {
 public:
  // The library's matcher recurses for every character, so only the head of a line is looked at.
  static constexpr std::size_t kHeadBytes = 1024;

  // Throws UsageError when `expression` is malformed.
  explicit DocumentStart(const std::string& expression);
  ~DocumentStart();
  DocumentStart(DocumentStart&&) noexcept;
  DocumentStart& operator=(DocumentStart&&) noexcept;

  // Whether the expression is found in the head of `line`. Throws UsageError when the search is too
  // complex.
  bool matches(std::string_view line) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace bertyard
