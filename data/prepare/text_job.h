// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "data/options.h"
#include "data/prepare/unit_record.h"
#include "data/text/text_units.h"
#include "data/tokenizer/tokenizer.h"
#include "data/tokenizer/vocabulary.h"

namespace bertyard {

// The first half of preparing: every group of units of the text becomes a file of tokens and a
// record. Groups are independent of each other, each may be done again, and what is done stays
// done.
class TextJob {
 public:
  // `directory`: of the files that it makes. Borrows the vocabulary.
  TextJob(const CorpusOptions& corpus, const TokenizerOptions& tokenizer,
          const Vocabulary& vocabulary, std::filesystem::path directory,
          std::uint64_t unit_bytes = kTextUnitBytes);

  const std::vector<TextUnit>& units() const { return units_; }
  std::size_t groups() const { return groups_.size(); }
  std::uint64_t group_bytes(std::size_t group) const { return byte_count(units_, groups_[group]); }
  // Of one unit's bytes in the file.
  std::uint64_t source_hash(std::size_t unit) const;

  // Makes the group's files unless they are there, whole. Any thread may, with a worker of its own.
  void run(std::size_t group, TokenizerWorker& worker) const;
  TokenizerWorker make_worker() const { return TokenizerWorker(tokenizer_); }

  // All groups together; to be read when all are done.
  struct Result {
    CorpusCounts counts;
    std::vector<LineFault> faults;           // lines count from the file's first
    std::vector<std::uint64_t> unit_hashes;  // of the source
    std::array<std::uint64_t, kCorpusParts> unknown{};
    std::array<TokenStore, kCorpusParts> parts;
  };
  // Throws DataError when a group is not done or when there is not one document.
  Result gather() const;

 private:
  std::filesystem::path tokens_path(std::size_t group) const;
  std::filesystem::path record_path(std::size_t group) const;
  std::optional<UnitRecord> done(std::size_t group) const;
  UnitRecord tokenize(std::size_t group, TokenizerWorker& worker) const;

  CorpusOptions corpus_;
  Tokenizer tokenizer_;
  std::uint32_t unknown_;
  std::uint64_t token_bytes_;
  std::filesystem::path directory_;
  std::vector<TextUnit> units_;
  std::vector<UnitGroup> groups_;
};

// Whether a document with this text is kept for evaluation.
bool is_held_out(std::uint64_t text_hash, double fraction);
// Everything of the options, and of a file of rules, that decides how text is read.
std::string reading_rules(const CorpusOptions& options);
// Of the whole source: the hashes of its units and how it is read.
std::uint64_t combined_source_hash(const std::vector<std::uint64_t>& unit_hashes,
                                   const CorpusOptions& options);

}  // namespace bertyard
