// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "data/documents.h"
#include "data/options.h"
#include "data/prepare.h"
#include "data/tokenized_corpus.h"
#include "data/vocabulary.h"

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
  std::uint64_t text_hash = 0;  // of all documents in order
};

// Hash of the files' bytes and of the options that decide how they are read; nothing where the text
// comes from standard input, which cannot be read twice.
std::optional<std::uint64_t> hash_source(const CorpusOptions& options);

// Reads and tokenises all documents. A document is held out when its text's hash, as a fraction of
// all hashes, is below options.held_out: equal texts land on the same side.
SplitCorpus read_split_corpus(const PrepareOptions& options, const Vocabulary& vocabulary,
                              const ProgressCallback& progress);

}  // namespace bertyard
