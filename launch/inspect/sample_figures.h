// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/samples/sample_source.h"
#include "data/tokenizer/vocabulary.h"

namespace bertyard {

// Counts over the first samples of a source.
struct SampleFigures {
  std::uint64_t samples = 0;
  std::uint64_t tokens = 0;
  std::uint64_t random_next = 0;
  std::uint64_t masked = 0;
  // With a vocabulary only; the first three sum to `masked`.
  std::uint64_t replaced = 0;    // by [MASK]
  std::uint64_t kept = 0;        // the token itself
  std::uint64_t randomized = 0;  // by another entry
  std::uint64_t unknown = 0;     // [UNK] in the text as it was before masking
};
SampleFigures sample_figures(const SampleSource& source, std::uint64_t most,
                             const Vocabulary* vocabulary);

// How many samples have which length, all samples counted, in equal classes as bars.
std::string length_histogram(const SampleSource& source);

// "12.3%"; of nothing: "0.0%".
std::string percent(std::uint64_t part, std::uint64_t whole);

}  // namespace bertyard
