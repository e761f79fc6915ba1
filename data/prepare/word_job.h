// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "data/options.h"
#include "data/prepare/prepare.h"
#include "data/prepare/work_share.h"
#include "data/text/text_units.h"
#include "data/tokenizer/word_counter.h"
#include "data/tokenizer/word_runs.h"

namespace bertyard {

// A vocabulary is learnt from this many words at most, the most frequent ones; of equally frequent
// ones the first by text. Counts are exact, so the choice depends on the text alone.
inline constexpr std::size_t kLearnedWords = std::size_t{1} << 20;

// Counts the words of a text in groups of units, for any number of processes that see the same
// files: open() in one, run() in all, counts() in one, close() in one. Every group becomes sorted
// runs of words on the disk, which are merged, so memory is bounded whatever the text: about 32 MiB
// a thread, then 2 * kLearnedWords words. The same counts for any number of processes and threads.
// Groups that are done stay done after a kill; one whose runs are no longer what was written is
// counted again.
class WordJob {
 public:
  WordJob(const CorpusOptions& corpus, const TokenizerOptions& tokenizer,
          std::filesystem::path directory);

  void open() const;
  void run(WorkShare share, int threads, const ProgressCallback& progress) const;
  // The words to learn from, sorted by text.
  std::vector<WordCount> counts() const;
  // The first line that could not be used, and why; empty: all could.
  std::string first_fault() const;
  void close() const;

 private:
  struct NamedRun {
    std::filesystem::path path;
    WordRun run;
  };

  std::string key() const;
  std::filesystem::path record_path(std::size_t group) const;
  // Of the group's record; nothing where that is missing or damaged.
  std::optional<std::vector<NamedRun>> runs_of(std::size_t group) const;
  bool is_done(std::size_t group) const;
  void count(std::size_t group) const;

  CorpusOptions corpus_;
  TokenizerOptions tokenizer_;
  std::filesystem::path directory_;
  std::vector<TextUnit> units_;
  std::vector<UnitGroup> groups_;
};

// The `limit` most frequent words of those given to add(), by count and then by text.
class FrequentWords {
 public:
  explicit FrequentWords(std::size_t limit) : limit_(limit) {}
  void add(std::string_view word, std::uint64_t count);
  // Sorted by text.
  std::vector<WordCount> take();

 private:
  void prune();

  std::size_t limit_;
  std::vector<WordCount> words_;
};

}  // namespace bertyard
