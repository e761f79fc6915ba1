// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "data/options.h"
#include "data/prepare/prepare.h"
#include "data/samples/tokenized_corpus.h"
#include "data/text/documents.h"
#include "data/tokenizer/vocabulary.h"

namespace bertyard {

// One part of the text, tokenised.
struct CorpusSplit {
  TokenizedCorpus corpus;
  std::uint64_t unknown_tokens = 0;
};

struct SplitCorpus {
  CorpusSplit train;
  CorpusSplit valid;
  CorpusCounts counts;
};

// Hash of the text in units of this size and of the options that decide how it is read.
std::uint64_t hash_source(const CorpusOptions& options, std::uint64_t unit_bytes);

// Reads and tokenises all documents. A document is held out when its text's hash, as a fraction of
// all hashes, is below options.held_out: equal texts land on the same side. In reference mode lines
// and documents are of any length, as they are for the programs that it follows.
SplitCorpus read_split_corpus(const PrepareOptions& options, const Vocabulary& vocabulary,
                              const ProgressCallback& progress);

}  // namespace bertyard
