// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "data/options.h"
#include "data/tokenizer/vocabulary.h"
#include "data/tokenizer/word_counter.h"

namespace bertyard {

// Characters that words are spelled with; the rest are left to [UNK] (Hugging Face: 1,000).
inline constexpr std::size_t kAlphabetLimit = 1000;

// Learns a WordPiece vocabulary as Hugging Face's WordPieceTrainer does: the most frequent pair of
// neighbouring pieces becomes a piece, until the vocabulary is full or no pair is as frequent as
// min_frequency. Entries: [PAD] [UNK] [CLS] [SEP] [MASK], the alphabet by code point, its "##"
// forms, then the merges in the order they were made. Three rules of our own:
//   - ties go to the pair that is first by text, so the result depends on the counts alone;
//   - a word with a character outside the alphabet is left out (there: the character is);
//   - an ideograph that the tokenizer isolates is a word of one character and enters among the
//     merges, by its frequency, instead of by the alphabet.
// Throws UsageError when `size` does not hold the special tokens and the alphabet, DataError when
// there is not one word.
Vocabulary learn_vocabulary(std::vector<WordCount> words, const TokenizerOptions& tokenizer,
                            const VocabularyLearningOptions& options);

}  // namespace bertyard
