// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "data/sample_source.h"
#include "data/shard_parameters.h"
#include "data/vocabulary.h"

namespace bertyard {

// What a sample must look like beyond what reading it checks: [CLS] A [SEP] B [SEP] with the
// special tokens where they belong, and as many masks as the settings say. What is not known, the
// settings or the vocabulary, is not asked for.
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

  std::optional<ShardParameters> parameters_;
  std::optional<SpecialTokens> special_;
};

}  // namespace bertyard
