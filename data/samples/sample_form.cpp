// SPDX-License-Identifier: Apache-2.0
#include "data/samples/sample_form.h"

#include <algorithm>
#include <iterator>
#include <vector>

#include <fmt/format.h>

#include "data/samples/masking.h"

namespace bertyard {
namespace {

// Tokens of "[CLS] A [SEP]", at least one. Other programs' files tell it by their segments alone.
std::size_t segment_a_length(const StoredSample& sample) {
  if (sample.a_length < std::ssize(sample.tokens)) return static_cast<std::size_t>(sample.a_length);
  const auto b = std::find_if(sample.segments.begin(), sample.segments.end(),
                              [&](std::uint8_t segment) { return segment != sample.segments[0]; });
  return static_cast<std::size_t>(b - sample.segments.begin());
}

}  // namespace

SampleForm::SampleForm(const ShardParameters* parameters, const Vocabulary* vocabulary) {
  if (parameters != nullptr) parameters_ = *parameters;
  if (vocabulary != nullptr) special_ = vocabulary->special();
}

std::string SampleForm::mistake(const StoredSample& sample) const {
  if (std::string wrong = mistake_of_masks(sample); !wrong.empty()) return wrong;
  return special_ ? mistake_of_specials(sample) : std::string();
}

std::string SampleForm::mistake_of_masks(const StoredSample& sample) const {
  if (!parameters_ || parameters_->mask.when != MaskTime::prepare) return {};
  const auto length = std::ssize(sample.tokens);
  const std::int64_t specials = sample.a_length < length ? 3 : 2;
  const std::int64_t most = std::min(max_masked(length, parameters_->mask), length - specials);
  const auto found = std::ssize(sample.mask_positions);
  const bool exact =
      parameters_->mask.unit == MaskUnit::token && parameters_->converted_from.empty();
  if (found <= most && (!exact || found == most)) return {};
  return fmt::format("{} masks in {} tokens, the settings say {}{}", found, length,
                     exact ? "" : "at most ", most);
}

std::string SampleForm::mistake_of_specials(const StoredSample& sample) const {
  if (sample.tokens.empty()) return "holds no tokens";
  const std::size_t end_of_a = segment_a_length(sample) - 1;
  if (std::string wrong = mistake_of_text(sample, end_of_a); !wrong.empty()) return wrong;
  for (const std::uint32_t position : sample.mask_positions) {
    if (position == 0 || position == end_of_a || position + 1 == sample.tokens.size()) {
      return fmt::format("position {} is masked, a special token", position);
    }
  }
  return {};
}

std::string SampleForm::mistake_of_text(const StoredSample& sample, std::size_t end_of_a) const {
  std::vector<std::uint32_t> text = sample.tokens;  // as it was before masking
  for (std::size_t i = 0; i < sample.mask_positions.size(); ++i) {
    text[sample.mask_positions[i]] = sample.mask_labels[i];
  }
  if (text.front() != special_->cls) return "does not begin with [CLS]";
  if (text.back() != special_->sep) return "does not end with [SEP]";
  if (text[end_of_a] != special_->sep) {
    return fmt::format("there is no [SEP] at position {}, where {} it", end_of_a,
                       parameters_ ? "a_length puts" : "segment_ids put");
  }
  for (std::size_t i = 1; i + 1 < text.size(); ++i) {
    const bool is_special =
        text[i] == special_->cls || text[i] == special_->sep || text[i] == special_->pad;
    if (is_special && i != end_of_a) {
      return fmt::format("a special token stands in the text, at position {}", i);
    }
  }
  return {};
}

}  // namespace bertyard
