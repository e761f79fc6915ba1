// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "data/sample_source.h"

namespace bertyard {

// What of a sample is predicted.
enum class TokenTargets {
  masked,  // the masked tokens, from all others: BERT
  next,    // every token but the first, from those before it: a causal language model
};

// Puts the original ids back where masks are stored; then there are none.
void take_masks_back(StoredSample& sample);
// Makes every token but the last a place to predict at, with the token after it as its label.
void predict_next_tokens(StoredSample& sample);

}  // namespace bertyard
