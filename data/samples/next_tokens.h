// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "data/samples/sample_source.h"

namespace bertyard {

// What of a sample is predicted.
enum class TokenTargets {
  masked,  // the masked tokens, from all others: BERT
  next,    // every token but the first, from those before it: a causal language model
  // Likewise, and every token but the last from those behind it: one that reads both ways, ELMo.
  neighbours,
};

// Rows of predictions that a token has: of `neighbours` row 2 t predicts what follows token t, row
// 2 t + 1 what stands before it.
inline std::int64_t rows_per_token(TokenTargets targets) {
  return targets == TokenTargets::neighbours ? 2 : 1;
}
// How many of `length` tokens are predicted where all are.
inline std::int64_t predictions_of(TokenTargets targets, std::int64_t length) {
  return rows_per_token(targets) * (length - 1);
}

// Puts the original ids back where masks are stored; then there are none.
void take_masks_back(StoredSample& sample);
// Makes every token but the last a place to predict at, with the token after it as its label.
void predict_next_tokens(StoredSample& sample);
// Makes rows 2 t and 2 t + 1 such places for the tokens after and before token t.
void predict_neighbours(StoredSample& sample);

}  // namespace bertyard
