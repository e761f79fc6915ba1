// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace bertyard {

// What is asked of the encoder: a class or a number for each sequence, a label for each of some
// tokens, or the tokens where an answer starts and ends.
enum class HeadKind { classify, regress, tag, span };

// How labels of neighbouring tokens are decided: each alone, or together (linear-chain CRF).
enum class TagDecision { alone, crf };

// What stands between the encoder and the labels of tokens.
enum class TagReader { none, bilstm };

struct HeadConfig {
  HeadKind kind = HeadKind::classify;
  std::int64_t labels = 2;  // classes; 1 for a regression, 2 for start and end
  TagDecision decision = TagDecision::alone;
  TagReader reader = TagReader::none;
  bool operator==(const HeadConfig&) const = default;
};

}  // namespace bertyard
