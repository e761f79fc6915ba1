// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "data/options.h"

namespace bertyard {

class Vocabulary;

// The epoch that keys masks which do not change: shards with stored masks, evaluation.
inline constexpr std::uint32_t kFixedMaskEpoch = 0xFFFFFFFFu;

// What masking must know of a vocabulary.
struct MaskVocabulary {
  std::uint32_t size = 0;
  std::uint32_t mask = 0;               // id of [MASK]
  std::uint32_t cls = 0;                // id of [CLS]
  std::uint32_t sep = 0;                // id of [SEP]
  std::vector<std::uint8_t> continues;  // [size], 1: the token begins with ##
};
MaskVocabulary mask_vocabulary(const Vocabulary& vocabulary);

// Most masked tokens a sample of `length` tokens, [CLS] and [SEP] included, can have:
// min(max_predictions, max(1, round(rate * length))), halves rounded to even as Python does.
std::int64_t max_masked(std::int64_t length, const MaskOptions& options);
// What to tell where max_predictions keeps samples of `length` tokens below the rate; or empty.
std::string mask_limit_note(std::int64_t length, const MaskOptions& options);
// Bound for `sequences` samples of `tokens` tokens together: plans the masked rows of a batch.
std::int64_t max_masked(std::int64_t tokens, std::int64_t sequences, const MaskOptions& options);

struct MaskedTokens {
  std::vector<std::uint32_t> positions;  // ascending
  std::vector<std::uint32_t> labels;     // the original ids at these positions
};

// Chooses positions and replaces their tokens: BERT's masking by tokens or whole words, SpanBERT's
// by spans (data/span_masking.h). Immutable and thread-safe.
class Masker {
 public:
  // Throws UsageError when the rates are not probabilities or do not sum to 1.
  Masker(MaskOptions options, MaskVocabulary vocabulary);

  const MaskOptions& options() const { return options_; }
  const MaskVocabulary& vocabulary() const { return vocabulary_; }

  // Names one drawing of masks: a pure function of these three.
  struct Key {
    std::uint64_t seed = 0;
    std::uint32_t epoch = 0;
    std::uint64_t sample_id = 0;
  };
  // Replaces tokens in place; `out` is overwritten. Of the chosen, `replace` become [MASK],
  // `random` any entry of the vocabulary, `keep` stay.
  void mask(std::span<std::uint32_t> tokens, const Key& key, MaskedTokens& out) const;

  // How many positions mask() chooses in a sample of `length` tokens of which `specials` are
  // [CLS] or [SEP]. For MaskUnit::token only: words and spans never overshoot this number and stay
  // below it only where no word that is left would fit, which depends on the tokens.
  std::int64_t count(std::int64_t length, std::int64_t specials) const;

 private:
  MaskOptions options_;
  MaskVocabulary vocabulary_;
};

}  // namespace bertyard
