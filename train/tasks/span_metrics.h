// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace bertyard {

using LabelSequence = std::vector<std::string>;

// Phrases found, in the gold labels, and in both.
struct SpanCounts {
  std::int64_t gold = 0, found = 0, correct = 0;
  double precision() const;  // 0 where nothing was found
  double recall() const;
  double f1() const;
};

// What conlleval says of tagged sequences: phrases by its rules, which read IOB1, BIO and IOBES
// alike. A phrase is right where both its ends and its type are.
struct SpanReport {
  std::int64_t tokens = 0, correct_tokens = 0;
  SpanCounts all;
  std::map<std::string, SpanCounts> types;
  double accuracy() const;
};
// Sequences do not share phrases. Throws Error where lengths differ.
SpanReport compare_spans(const std::vector<LabelSequence>& gold,
                         const std::vector<LabelSequence>& found);

// conlleval's own lines: "processed 961 tokens with 459 phrases; found: 539 phrases; correct: 371."
std::string conlleval_text(const SpanReport& report);

}  // namespace bertyard
