// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "data/prepare/prepare.h"
#include "data/prepare/shard_job.h"
#include "data/prepare/text_job.h"
#include "data/prepare/work_share.h"

namespace bertyard {

// Text -> samples in stages of units of work, for any number of processes that see the same files:
//   if (!job.already_there()) {
//     open();       one process; the others wait for it
//     run_text();   every process; then all wait for all
//     run_shards(); every process; then all wait for all
//     finish();     one process
//   }
// What is made does not depend on the number of processes and threads nor on the memory. Work that
// is done lies in `samples.out`/work.tmp-prepare until finish() and is not done again after a kill.
// Borrows the vocabulary.
class PrepareJob {
 public:
  // Throws UsageError and DataError for options and text that cannot be.
  PrepareJob(const PrepareOptions& options, const Vocabulary& vocabulary,
             ProgressCallback progress = nullptr);

  // The report of what is there already, when all of it is, made from the same text.
  std::optional<PrepareReport> already_there();
  // Makes the directories; clears what another preparation has left in them.
  void open();
  void run_text(WorkShare share);
  void run_shards(WorkShare share);
  PrepareReport finish();

  // Of the options and the files' names, sizes and times: equal jobs have equal keys.
  const std::string& key() const { return key_; }

 private:
  struct Part {
    CorpusPart part;
    std::filesystem::path place;
    std::filesystem::path temporary;
    ShardParameters parameters;
  };
  std::string make_key() const;
  ShardJob shard_job(const Part& part, const TextJob::Result& text) const;
  void check_documents(const TextJob::Result& text) const;
  void report_progress(std::string_view stage, std::uint64_t amount);
  Manifest finish_part(const Part& part, const TextJob::Result& text) const;
  std::string source_text(const TextJob::Result& text) const;

  PrepareOptions options_;
  const Vocabulary& vocabulary_;
  ProgressCallback progress_;
  std::filesystem::path work_;
  TextJob text_;
  std::vector<Part> parts_;  // the held-out part only where something is held out
  std::string key_;
  std::mutex reporting_;
  PrepareProgress reported_;
};

}  // namespace bertyard
