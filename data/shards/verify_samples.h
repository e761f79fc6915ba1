// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "data/samples/sample_statistics.h"
#include "data/samples/shard_parameters.h"
#include "data/shards/open_samples.h"

namespace bertyard {

// All that is wrong with samples, each thing once; a thousand are kept and the rest counted.
class Findings {
 public:
  void add(const std::string& text);
  const std::vector<std::string>& texts() const { return texts_; }
  std::uint64_t more() const { return more_; }
  bool none() const { return texts_.empty(); }

 private:
  std::set<std::string> seen_;
  std::vector<std::string> texts_;
  std::uint64_t more_ = 0;
};

struct VerifyReport {
  std::string path;
  std::string layout;  // empty where nothing could be opened
  NextSentence next_sentence = NextSentence::nsp;
  MaskTime masks = MaskTime::training;
  std::optional<ShardParameters> parameters;  // of shards
  std::optional<Vocabulary> vocabulary;       // that the caller checked with, for what is shown
  std::uint64_t files = 0;
  std::uint64_t checked_blocks = 0;  // of 1 MiB, against the manifest
  SampleStatistics statistics;       // over the samples that could be read
  Findings findings;
  std::vector<std::string> warnings;  // what could not be checked, and what looks odd
};

// Reads and checks all there is and goes on after a finding: the manifest, sizes, checksums of
// every block, dimensions, offsets, ids, the form of every sample, mask positions and counts, the
// manifest's counts, and whether rates are what the settings say (to five sigma). Where a file does
// not say its settings, the rates of masks are held against BERT's, within wide limits. Takes what
// open_samples() takes. `vocabulary`, which may be null, tells [CLS], [SEP], [PAD], [MASK] and
// [UNK]; without it the form of samples is not checked.
// Throws DataError only where `path` does not exist.
VerifyReport verify_samples(const std::filesystem::path& path, const Vocabulary* vocabulary);

// The part of it that looks at rates: adds findings and warnings to the report.
void judge_statistics(VerifyReport& report, const Vocabulary* vocabulary);

}  // namespace bertyard
