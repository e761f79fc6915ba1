// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/log.h"
#include "data/files/directory_lock.h"
#include "train/checkpoint/checkpoint_store.h"
#include "train/options.h"

namespace bertyard {

enum class RunStatus { running, done, stopped, failed };

// What a start leaves in the run directory, to say later how it was made.
struct RunRecord {
  std::string config_input;     // the user's file as it is
  std::string config_resolved;  // every value
  std::string command;
  std::map<std::string, std::string> environment;  // versions, hosts, git
};

// runs/NAME, held by one trainer at a time: owns the lock. Rank 0 of a job opens it.
//   config.input.yaml config.resolved.yaml command.txt env.json STATUS summary.json
//   loss.log metrics.jsonl events.out.tfevents... checkpoints/ logs/
class RunDirectory {
 public:
  // Creates or opens the directory and takes the lock. IoError where it cannot be written;
  // UsageError where another process trains in it, where `never` meets a run, or where the
  // directory holds something else than a run.
  static RunDirectory open(const RunOptions& run, ResumeMode resume, Logger& log);
  // Looks and changes nothing: the errors of open() as far as they can be known. Holds the lock of
  // a directory that is there; id() is empty where no run is.
  static RunDirectory examine(const RunOptions& run, ResumeMode resume, Logger& log);
  // IoError unless the nearest directory that exists would let open() create the rest.
  static void require_writable(const RunOptions& run);

  const std::filesystem::path& path() const { return path_; }
  // 16 hexadecimal digits, drawn when the directory was first opened; checkpoints carry it.
  const std::string& id() const { return id_; }
  std::filesystem::path checkpoints() const { return path_ / "checkpoints"; }
  std::filesystem::path log_file(int rank) const;  // logs/rank-0000.log

  // What may be resumed from, the best first and not looked into; nothing means from the start.
  // `from_path` takes options.resume_path, whatever run it is of; the caller compares with
  // require_same_run.
  std::vector<std::filesystem::path> resume_candidates(const CheckpointOptions& options,
                                                       Logger& log) const;

  // Before anything of the run is changed: DataError where loss.log does not go with `resumed`;
  // then the checkpoints beyond it are set aside.
  void prepare_resume(const CheckpointState& resumed, Logger& log) const;
  // After a start that was refused: a run that is new is not there, so that `never` may begin it.
  void forget_new() const noexcept;

  void write_record(const RunRecord& record) const;
  // For a rank that does not hold the directory and has an error of its own to tell.
  static void note_status(const RunOptions& run, RunStatus status, std::string_view reason);
  void set_status(RunStatus status, std::string_view reason) const;
  // Final figures as one flat JSON object, values as they stand: {"steps", "750"}.
  void write_summary(const std::map<std::string, double>& figures) const;

 private:
  RunDirectory(std::filesystem::path path, std::optional<DirectoryLock> lock);

  std::filesystem::path path_;
  std::optional<DirectoryLock> lock_;
  std::string id_;
  bool is_new_ = false;
};

}  // namespace bertyard
