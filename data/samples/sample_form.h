// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "data/samples/sample_source.h"
#include "data/samples/shard_parameters.h"
#include "data/tokenizer/vocabulary.h"

namespace bertyard {

// What a sample must look like beyond what reading it checks: [CLS] A [SEP] B [SEP] with the
// special tokens where they belong, none of them masked, and as many masks as the settings say.
// What is not known, the settings or the vocabulary, is not asked for: other programs' files have
// no settings, their form is checked all the same.
class SampleForm {
 public:
  SampleForm() = default;
  // Both may be null.
  SampleForm(const ShardParameters* parameters, const Vocabulary* vocabulary);

  // What is wrong; empty where nothing is.
  std::string mistake(const StoredSample& sample) const;

 private:
  std::string mistake_of_masks(const StoredSample& sample) const;
  std::string mistake_of_specials(const StoredSample& sample) const;
  std::string mistake_of_text(const StoredSample& sample, std::size_t end_of_a) const;

  std::optional<ShardParameters> parameters_;
  std::optional<SpecialTokens> special_;
};

}  // namespace bertyard
