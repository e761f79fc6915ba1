// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "data/samples/sample_source.h"
#include "data/tokenizer/vocabulary.h"

namespace bertyard {

struct SyntheticOptions {
  std::uint64_t samples = 1;
  std::int64_t max_length = 512;
  double fill = 1;  // mean length / max_length, above 0 to 1
  std::uint64_t seed = 0;
  NextSentence next_sentence = NextSentence::nsp;  // none: one segment
};

// Samples of random text tokens, in two segments where there are sentence pairs, made on demand
// without a file: what a benchmark trains on. With w = min(fill, 1 - fill) the lengths rise evenly
// from (fill - w) to (fill + w) times max_length over the samples (five tokens at least), so that
// their mean over all is as asked for; a shuffled stream mixes them. Masks are drawn when loading,
// as for prepared text.
class SyntheticSource final : public SampleSource {
 public:
  // Throws UsageError for options that make no sample.
  SyntheticSource(const SyntheticOptions& options, const Vocabulary& vocabulary);

  const SourceProperties& properties() const override { return properties_; }
  SampleShape shape(std::uint64_t index) const override;
  void read(std::uint64_t index, StoredSample& sample) const override;
  void verify() const override {}  // there is nothing stored

 private:
  std::int64_t length(std::uint64_t index) const;
  std::int64_t a_length_of(std::int64_t length) const;

  SyntheticOptions options_;
  SpecialTokens special_;
  SourceProperties properties_;
};

// A vocabulary of `size` made-up entries: the five special tokens, then "w5", "w6" and so on.
// Throws UsageError below six entries.
Vocabulary synthetic_vocabulary(std::int64_t size);

}  // namespace bertyard
