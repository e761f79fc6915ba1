// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "core/base/philox.h"
#include "data/samples/masking.h"

namespace bertyard {

// What may be masked together: positions begin[u] to begin[u + 1].
struct MaskUnits {
  std::vector<std::uint32_t> positions;
  std::vector<std::uint32_t> begin;

  std::size_t size() const { return begin.size() - 1; }
  std::size_t length(std::size_t unit) const { return begin[unit + 1] - begin[unit]; }
};

// All tokens but [CLS] and [SEP]; tokens of one word together unless `unit` is token. As in
// Google's script a ## token joins the word before it even where a [SEP] stands between; a word of
// a span does not reach across.
void find_mask_units(std::span<const std::uint32_t> tokens, const MaskVocabulary& vocabulary,
                     MaskUnit unit, MaskUnits& units);

// SpanBERT's lengths: P(k) = p (1 - p)^(k - 1) / (1 - (1 - p)^max) for k from 1 to max.
class SpanLengths {
 public:
  SpanLengths(double p, int max);
  std::size_t draw(PhiloxSequence& draws) const;

 private:
  std::vector<double> cumulative_;  // [max]
};

// The masks of one sample while they are drawn. Borrows everything.
class MaskDrawing {
 public:
  MaskDrawing(const MaskOptions& options, const MaskVocabulary& vocabulary,
              std::span<std::uint32_t> tokens, PhiloxSequence& draws);

  // Google's rule: units in random order, of which those that would overshoot `wanted` are skipped;
  // the fate of each token is drawn on its own.
  void mask_units(const MaskUnits& units, std::size_t wanted);
  // SpanBERT's: spans of whole words begin at random words until `wanted` tokens are masked. A span
  // ends early at [SEP], at a masked word, and before a word that would overshoot; its tokens share
  // one fate.
  void mask_spans(const MaskUnits& words, std::size_t wanted, const SpanLengths& lengths);
  // What was chosen, ascending.
  void finish(MaskedTokens& out);

 private:
  enum class Fate { mask, random, keep };
  Fate draw_fate();
  void choose(std::uint32_t position, Fate fate);
  std::size_t draw_from_rest(std::vector<std::uint32_t>& order, std::size_t next);

  const MaskOptions& options_;
  const MaskVocabulary& vocabulary_;
  std::span<std::uint32_t> tokens_;
  PhiloxSequence& draws_;
  double keep_of_rest_;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> chosen_;  // position, label
};

}  // namespace bertyard
