// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "data/documents.h"
#include "data/manifest.h"
#include "data/options.h"
#include "data/sample_source.h"
#include "data/vocabulary.h"

namespace bertyard {

class Masker;

struct PrepareOptions {
  CorpusOptions corpus;
  TokenizerOptions tokenizer;
  SampleOptions samples;
  std::uint64_t seed = 42;
};

struct PrepareProgress {
  std::string_view stage;  // "reading", "train", "valid"
  std::uint64_t done = 0;
  std::uint64_t total = 0;  // 0: not known
};
using ProgressCallback = std::function<void(const PrepareProgress&)>;

enum class PrepareOutcome { made, already_there };

struct PrepareReport {
  PrepareOutcome outcome = PrepareOutcome::made;
  std::filesystem::path train;  // directories with manifest.json
  std::filesystem::path valid;  // empty where nothing was held out
  CorpusCounts corpus;          // zero where already_there
  ShardCounts train_counts;
  ShardCounts valid_counts;
  double unknown_rate() const;  // [UNK] per token of the text, both parts
};

// Text -> `samples.out`/train and /valid: shards with manifest. Deterministic: the same text,
// vocabulary, options and seed give the same bytes. Each part is built under a temporary name and
// renamed when complete; a finished one made from the same text with the same options is kept,
// any other bertyard output there is replaced, and a directory with other files in it is refused.
// Held-out shards always store their masks, drawn with kFixedMaskEpoch.
// Errors: DataError (text, vocabulary, too few documents), UsageError (options), IoError.
PrepareReport prepare(const PrepareOptions& options, const Vocabulary& vocabulary,
                      const ProgressCallback& progress = nullptr);

// The first `count` samples as text for people: tokens with masks, the pair's label, and each
// masked position with its original. `masker` draws where none are stored (epoch 0) and may be
// null where they are.
std::string show_samples(const SampleSource& source, const Vocabulary& vocabulary,
                         const Masker* masker, std::uint64_t seed, std::uint64_t count);

}  // namespace bertyard
