// SPDX-License-Identifier: Apache-2.0
#include "data/prepare/split_corpus.h"

#include <algorithm>
#include <vector>

#include "data/files/checked_file.h"
#include "data/prepare/text_job.h"
#include "data/text/text_units.h"
#include "data/tokenizer/tokenizer.h"

namespace bertyard {
namespace {

constexpr std::uint64_t kDocumentsPerReport = 256;

void add_document(CorpusSplit& part, const Document& document, TokenizerWorker& tokenizer,
                  std::uint32_t unknown, std::uint64_t id) {
  std::vector<std::uint32_t> ids;
  for (const std::string& sentence : document.sentences) {
    ids.clear();
    tokenizer.tokenize(sentence, ids);
    part.unknown_tokens += static_cast<std::uint64_t>(std::count(ids.begin(), ids.end(), unknown));
    part.corpus.add_sentence(ids);
  }
  part.corpus.end_document(id);
}

}  // namespace

std::uint64_t hash_source(const CorpusOptions& options, std::uint64_t unit_bytes) {
  std::vector<std::uint64_t> hashes;
  for (const TextUnit& unit : plan_text_units(options, unit_bytes)) {
    hashes.push_back(hash_range(unit.path, unit.begin, unit.end));
  }
  return combined_source_hash(hashes, options);
}

SplitCorpus read_split_corpus(const PrepareOptions& options, const Vocabulary& vocabulary,
                              const ProgressCallback& progress) {
  const Tokenizer tokenizer(vocabulary, options.tokenizer);
  TokenizerWorker worker(tokenizer);
  const bool is_whole = needs_whole_corpus(options.samples.sampling);
  DocumentReader reader(options.corpus, is_whole ? DocumentLimits::none() : DocumentLimits());
  SplitCorpus split;
  Document document;
  for (std::uint64_t id = 0; reader.next(document); ++id) {
    const std::uint64_t of_text = text_hash(document);
    CorpusSplit& part = is_held_out(of_text, options.corpus.held_out) ? split.valid : split.train;
    add_document(part, document, worker, vocabulary.special().unknown, id);
    if (progress && id % kDocumentsPerReport == 0) progress({"reading", id, 0});
  }
  split.counts = reader.counts();
  return split;
}

}  // namespace bertyard
