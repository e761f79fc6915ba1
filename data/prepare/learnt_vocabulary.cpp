// SPDX-License-Identifier: Apache-2.0
#include "data/prepare/learnt_vocabulary.h"

#include <sstream>
#include <string>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "data/files/checked_file.h"
#include "data/prepare/text_job.h"

namespace bertyard {
namespace {

namespace fs = std::filesystem;

fs::path record_of(fs::path path) {
  return path += ".learnt";
}

std::string words_text(const TokenizerOptions& tokenizer) {
  return fmt::format("lower_case {}, strip_accents {}, split_cjk {}", tokenizer.lower_case,
                     tokenizer.strip_accents.value_or(tokenizer.lower_case), tokenizer.split_cjk);
}

std::string size_text(const VocabularyLearningOptions& learning) {
  return fmt::format("size {}, min_frequency {}", learning.size, learning.min_frequency);
}

std::string rules_text(const CorpusOptions& corpus, const TokenizerOptions& tokenizer) {
  CorpusOptions read = corpus;
  read.held_out = 0;  // all of the text is counted
  return fmt::format("words of {} characters at most, reading {}", tokenizer.max_word_characters,
                     hash_text(xxh3(reading_rules(read))));
}

std::string identity_of(const Vocabulary& vocabulary) {
  return fmt::format("vocabulary {}", hash_text(vocabulary.hash()));
}

}  // namespace

void save_learnt_vocabulary(const fs::path& path, const Vocabulary& vocabulary,
                            const TokenizerOptions& tokenizer,
                            const VocabularyLearningOptions& learning,
                            const CorpusOptions& corpus) {
  // The record first: it says nothing of a vocabulary that is not there.
  write_checked(record_of(path), identity_of(vocabulary) + '\n' + words_text(tokenizer) + '\n' +
                                     size_text(learning) + '\n' + rules_text(corpus, tokenizer) +
                                     '\n');
  vocabulary.save(path);
}

std::string check_learnt_vocabulary(const fs::path& path, const Vocabulary& vocabulary,
                                    const TokenizerOptions& tokenizer,
                                    const VocabularyLearningOptions& learning,
                                    const CorpusOptions& corpus) {
  std::istringstream record(read_checked(record_of(path)).value_or(""));
  std::string of_which, words, size, rules;
  std::getline(record, of_which);
  std::getline(record, words);
  std::getline(record, size);
  std::getline(record, rules);
  if (of_which != identity_of(vocabulary) || size.empty()) return {};
  if (words != words_text(tokenizer)) {
    throw UsageError(
        fmt::format("{} was learnt from words with {}; now the tokenizer says {}; delete the file "
                    "to learn it anew, or choose another tokenizer.vocab",
                    path.string(), words, words_text(tokenizer)));
  }
  if (!rules.empty() && rules != rules_text(corpus, tokenizer)) {
    return fmt::format(
        "{} was learnt from text that was read with another corpus.layout, field, language or "
        "tokenizer.max_word_characters: delete the file to learn it anew",
        path.string());
  }
  if (size == size_text(learning)) return {};
  return fmt::format(
      "{} was learnt with {}; tokenizer.learn ({}) does not change it: delete the "
      "file to learn it anew",
      path.string(), size, size_text(learning));
}

}  // namespace bertyard
