// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "data/options.h"
#include "data/samples/sample_source.h"
#include "data/shards/manifest.h"
#include "data/text/documents.h"
#include "data/text/text_units.h"
#include "data/tokenizer/vocabulary.h"

namespace bertyard {

class Masker;

struct PrepareOptions {
  CorpusOptions corpus;
  TokenizerOptions tokenizer;
  SampleOptions samples;
  std::uint64_t seed = 42;
  int threads = 1;
  std::uint64_t memory = std::uint64_t{2} << 30;  // of one process, in bytes, about
  std::uint64_t unit_bytes = kTextUnitBytes;      // of text; part of what source_hash is made of
};

struct PrepareProgress {
  std::string_view
      stage;  // "text": in bytes of the files; "samples": in tokens; "reading": documents
  std::uint64_t done = 0;
  std::uint64_t total = 0;  // of this process; 0: not known
};
using ProgressCallback = std::function<void(const PrepareProgress&)>;

enum class PrepareOutcome { made, already_there };

struct PrepareReport {
  PrepareOutcome outcome = PrepareOutcome::made;
  std::filesystem::path train;      // directories with manifest.json
  std::filesystem::path valid;      // empty where nothing was held out
  CorpusCounts corpus;              // zero where already_there
  std::vector<std::string> faults;  // the first lines that could not be used
  ShardCounts train_counts;
  ShardCounts valid_counts;
  double unknown_rate() const;  // [UNK] per token of the text, both parts
};

// Text -> `samples.out`/train and /valid: shards with manifest. Deterministic: the same text,
// vocabulary, options and seed give the same bytes, whatever the threads and the memory; PrepareJob
// does the same in several processes. Each part is built under a temporary name and
// renamed when complete; a finished one made from the same text with the same options is kept,
// any other bertyard output there is replaced, and a directory with other files in it is refused.
// Held-out shards always store their masks, drawn with kFixedMaskEpoch.
// Standard input is no text here: save_standard_input() makes a file of it.
// Errors: DataError (text, vocabulary, too few documents), UsageError (options), IoError.
PrepareReport prepare(const PrepareOptions& options, const Vocabulary& vocabulary,
                      const ProgressCallback& progress = nullptr);

// Whether the rules look at all documents at once: such samples are made by prepare_in_memory().
bool needs_whole_corpus(Sampling sampling);

// The same samples, one shard of them in the same order, from a corpus that is held in memory as a
// whole, by one thread and always anew: for rules that need it, and for tests.
PrepareReport prepare_in_memory(const PrepareOptions& options, const Vocabulary& vocabulary,
                                const ProgressCallback& progress = nullptr);

// Throws UsageError for options without sense.
void check_options(const PrepareOptions& options);
ShardParameters make_parameters(const PrepareOptions& options, const Vocabulary& vocabulary,
                                CorpusPart part, std::uint64_t source_hash);
// Throws DataError where a part has fewer documents than its samples need.
void check_documents(CorpusPart part, std::size_t found, const PrepareOptions& options);

// Where the text has an entry "-": copies standard input to `directory` and puts the file's name in
// its place, so that the text can be read by many and more than once.
void save_standard_input(CorpusOptions& corpus, const std::filesystem::path& directory);

// The first `count` samples as text for people: tokens with masks, the pair's label, and each
// masked position with its original. `masker` draws where none are stored (epoch 0) and may be
// null where they are.
std::string show_samples(const SampleSource& source, const Vocabulary& vocabulary,
                         const Masker* masker, std::uint64_t seed, std::uint64_t count);

}  // namespace bertyard
