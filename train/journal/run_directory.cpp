// SPDX-License-Identifier: Apache-2.0
#include "train/journal/run_directory.h"

#include <cerrno>
#include <cstring>
#include <random>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "data/files/atomic_file.h"
#include "data/files/directories.h"
#include "data/files/file_writer.h"
#include "data/files/json_dump.h"
#include "train/checkpoint/checkpoint_store.h"
#include "train/files/strict_json.h"
#include "train/journal/loss_log.h"

namespace bertyard {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

[[noreturn]] void fail_unwritable(const fs::path& path, const std::string& reason) {
  throw IoError(
      fmt::format("run directory {} cannot be written: {}; set run.dir to a directory "
                  "that you may write to",
                  path.string(), reason));
}

fs::path record_file(const fs::path& path) {
  return path / "env.json";
}

const DirectoryRole kRunDirectory{"run directory", "run.name"};

// Whether something of a run, or of somebody else, is there already. `launch` puts slurm/ or
// launch/ there before the first start.
bool holds_files(const fs::path& path) {
  for (const fs::path& entry : entries_of(path)) {
    const std::string name = entry.filename().string();
    const bool is_launch = name == "slurm" || name == "launch";
    if (name != ".lock" && !is_launch && !name.starts_with(kTemporaryPrefix)) return true;
  }
  return false;
}

// Whether a run is there that `resume` lets go on; UsageError for anything else that is there.
bool require_resumable(const fs::path& path, ResumeMode resume) {
  if (!holds_files(path)) return false;
  if (resume == ResumeMode::never) {
    throw UsageError(
        fmt::format("run directory {} is not empty and checkpoint.resume is 'never'; "
                    "resume with 'auto', or choose another run.name",
                    path.string()));
  }
  if (!fs::exists(record_file(path))) {
    throw UsageError(
        fmt::format("{} holds files but no run (there is no env.json); choose another "
                    "run.name or an empty directory",
                    path.string()));
  }
  return true;
}

std::string draw_id() {
  std::random_device device;
  return hash_text((static_cast<std::uint64_t>(device()) << 32) | device());
}

std::string stored_id(const fs::path& file) {
  const std::string text = read_file(file);
  require_strict_json(text, file.string());
  const Json json = Json::parse(text);
  if (!json.contains("run_id") || !json["run_id"].is_string()) {
    throw DataError(
        fmt::format("{}: 'run_id' is missing; this file is not one of a run", file.string()));
  }
  return json["run_id"].get<std::string>();
}

std::string environment_text(const std::string& id,
                             const std::map<std::string, std::string>& environment) {
  Json json;
  json["run_id"] = id;
  for (const auto& [key, value] : environment) json[key] = value;
  return dump_json(json, 2) + "\n";
}

std::string_view name_of(RunStatus status) {
  switch (status) {
    case RunStatus::running:
      return "running";
    case RunStatus::done:
      return "done";
    case RunStatus::stopped:
      return "stopped";
    case RunStatus::failed:
      return "failed";
  }
  return "?";
}

void write_status(const fs::path& path, RunStatus status, std::string_view reason) {
  write_file_atomically(path / "STATUS", fmt::format("{}{}{}\n", name_of(status),
                                                     reason.empty() ? "" : ": ", reason));
}

}  // namespace

RunDirectory::RunDirectory(fs::path path, std::optional<DirectoryLock> lock)
    : path_(std::move(path)), lock_(std::move(lock)) {}

RunDirectory RunDirectory::open(const RunOptions& run, ResumeMode resume, Logger& log) {
  const fs::path path = fs::path(run.directory) / run.name;
  std::error_code error;
  fs::create_directories(path, error);
  if (error) fail_unwritable(path, error.message());
  require_writable(run);
  RunDirectory directory(path, DirectoryLock(path, kRunDirectory, log));
  const fs::path record = record_file(path);
  const bool occupied = require_resumable(path, resume);
  remove_leftovers(path, kTemporaryPrefix);
  directory.id_ = occupied ? stored_id(record) : draw_id();
  directory.is_new_ = !occupied;
  if (!occupied) write_file_atomically(record, environment_text(directory.id_, {}));
  make_directories(directory.checkpoints());
  make_directories(path / "logs");
  remove_checkpoint_leftovers(directory.checkpoints());
  return directory;
}

RunDirectory RunDirectory::examine(const RunOptions& run, ResumeMode resume, Logger& log) {
  require_writable(run);
  const fs::path path = fs::path(run.directory) / run.name;
  std::optional<DirectoryLock> lock;
  if (fs::exists(DirectoryLock::file_in(path))) lock.emplace(path, kRunDirectory, log);
  RunDirectory directory(path, std::move(lock));
  if (require_resumable(path, resume)) directory.id_ = stored_id(record_file(path));
  return directory;
}

void RunDirectory::require_writable(const RunOptions& run) {
  const fs::path path = fs::path(run.directory) / run.name;
  fs::path existing = fs::absolute(path);
  std::error_code unreadable;
  while (!fs::exists(existing, unreadable)) existing = existing.parent_path();
  if (!fs::is_directory(existing)) {
    fail_unwritable(path, fmt::format("{} is no directory", existing.string()));
  }
  if (::access(existing.c_str(), W_OK) != 0) {
    fail_unwritable(path, fmt::format("{}: {}", existing.string(), std::strerror(errno)));
  }
}

fs::path RunDirectory::log_file(int rank) const {
  return path_ / "logs" / fmt::format("rank-{:04}.log", rank);
}

std::vector<fs::path> RunDirectory::resume_candidates(const CheckpointOptions& options,
                                                      Logger& log) const {
  switch (options.resume) {
    case ResumeMode::never:
      return {};
    case ResumeMode::from_path:
      return {open_checkpoint(options.resume_path, log).path()};
    case ResumeMode::automatic:
    case ResumeMode::due:
      break;
  }
  std::vector<fs::path> paths;
  for (const CheckpointEntry& entry : list_checkpoints(checkpoints())) {
    if (options.resume == ResumeMode::due && !options.every.is_due(entry.step)) continue;
    paths.insert(paths.begin(), entry.path);
  }
  return paths;
}

void RunDirectory::prepare_resume(const CheckpointState& resumed, Logger& log) const {
  (void)LossLog::verify(path_ / "loss.log", resumed.loss_log_bytes, resumed.loss_log_hash);
  set_newer_aside(checkpoints(), resumed.step, log);
}

void RunDirectory::forget_new() const noexcept {
  if (!is_new_) return;
  std::error_code ignored;
  fs::remove(path_ / "checkpoints", ignored);
  fs::remove(path_ / "logs", ignored);
  fs::remove(record_file(path_), ignored);
  fs::remove(path_, ignored);  // unless something else is in it
}

void RunDirectory::write_record(const RunRecord& record) const {
  write_file_atomically(path_ / "config.input.yaml", record.config_input);
  write_file_atomically(path_ / "config.resolved.yaml", record.config_resolved);
  write_file_atomically(path_ / "command.txt", record.command + "\n");
  write_file_atomically(path_ / "env.json", environment_text(id_, record.environment));
}

void RunDirectory::note_status(const RunOptions& run, RunStatus status, std::string_view reason) {
  write_status(fs::path(run.directory) / run.name, status, reason);
}

void RunDirectory::set_status(RunStatus status, std::string_view reason) const {
  write_status(path_, status, reason);
}

void RunDirectory::write_summary(const std::map<std::string, double>& figures) const {
  const fs::path path = path_ / "summary.json";
  Json json = Json::object();
  if (fs::exists(path)) {
    const Json before = Json::parse(read_file(path), nullptr, false);
    if (before.is_object()) json = before;
  }
  for (const auto& [key, value] : figures) json[key] = value;
  write_file_atomically(path, json.dump(2) + "\n");
}

}  // namespace bertyard
