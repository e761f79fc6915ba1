// SPDX-License-Identifier: Apache-2.0
#include "data/split_corpus.h"

#include <algorithm>
#include <fstream>
#include <span>
#include <vector>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "data/text_paths.h"
#include "data/tokenizer.h"

namespace bertyard {
namespace {

constexpr std::uint64_t kDocumentsPerReport = 256;

std::uint64_t hash_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw DataError(fmt::format("{}: cannot be opened", path));
  std::vector<char> buffer(std::size_t{1} << 20);
  StreamingHash hash;
  while (file.read(buffer.data(), static_cast<std::streamsize>(buffer.size())), file.gcount() > 0) {
    hash.update(std::string_view(buffer.data(), static_cast<std::size_t>(file.gcount())));
  }
  if (file.bad()) throw IoError(fmt::format("{}: cannot be read", path));
  return hash.digest();
}

std::string reading_rules(const CorpusOptions& options) {
  return fmt::format("layout {} start '{}' skip {} language {} held out {}",
                     static_cast<int>(options.layout), options.document_start, options.skip_lines,
                     options.language, options.held_out);
}

bool is_held_out(std::uint64_t text_hash, double fraction) {
  return static_cast<double>(text_hash >> 11) * 0x1p-53 < fraction;
}

void add_document(CorpusSplit& part, const Document& document, const Tokenizer& tokenizer,
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

std::optional<std::uint64_t> hash_source(const CorpusOptions& options) {
  StreamingHash hash;
  for (const std::string& path : expand_text_paths(options.text)) {
    if (path == "-") return std::nullopt;
    hash.update(hash_text(hash_file(path)));
  }
  hash.update(reading_rules(options));
  return hash.digest();
}

SplitCorpus read_split_corpus(const PrepareOptions& options, const Vocabulary& vocabulary,
                              const ProgressCallback& progress) {
  const Tokenizer tokenizer(vocabulary, options.tokenizer);
  DocumentReader reader(options.corpus);
  SplitCorpus split;
  Document document;
  StreamingHash hash;
  for (std::uint64_t id = 0; reader.next(document); ++id) {
    const std::uint64_t of_text = text_hash(document);
    hash.update(hash_text(of_text));
    CorpusSplit& part = is_held_out(of_text, options.corpus.held_out) ? split.valid : split.train;
    add_document(part, document, tokenizer, vocabulary.special().unknown, id);
    if (progress && id % kDocumentsPerReport == 0) progress({"reading", id, 0});
  }
  split.counts = reader.counts();
  hash.update(reading_rules(options.corpus));
  split.text_hash = hash.digest();
  return split;
}

}  // namespace bertyard
