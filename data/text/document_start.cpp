// SPDX-License-Identifier: Apache-2.0
#include "data/text/document_start.h"

#include <regex>

#include <fmt/format.h>

#include "core/base/error.h"

namespace bertyard {

struct DocumentStart::State {
  std::string text;
  std::regex expression;
};

DocumentStart::DocumentStart(const std::string& expression) {
  if (expression.empty()) return;
  try {
    constexpr auto kSyntax = std::regex::ECMAScript | std::regex::optimize;
    state_ = std::make_unique<State>(State{expression, std::regex(expression, kSyntax)});
  } catch (const std::regex_error& error) {
    throw UsageError(
        fmt::format("corpus.document_start '{}' is no ECMAScript regular expression: "
                    "{}",
                    expression, error.what()));
  }
}
DocumentStart::~DocumentStart() = default;
DocumentStart::DocumentStart(DocumentStart&&) noexcept = default;
DocumentStart& DocumentStart::operator=(DocumentStart&&) noexcept = default;

bool DocumentStart::matches(std::string_view line) const {
  if (!state_) return false;
  const std::string_view head = line.substr(0, kHeadBytes);
  try {
    return std::regex_search(head.begin(), head.end(), state_->expression);
  } catch (const std::regex_error& error) {
    throw UsageError(fmt::format("corpus.document_start '{}' cannot be searched for: {}",
                                 state_->text, error.what()));
  }
}

}  // namespace bertyard
