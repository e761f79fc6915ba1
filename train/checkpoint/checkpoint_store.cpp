// SPDX-License-Identifier: Apache-2.0
#include "train/checkpoint/checkpoint_store.h"

#include <algorithm>
#include <charconv>
#include <set>

#include <fmt/format.h>

#include "core/base/error.h"
#include "data/files/atomic_file.h"
#include "data/files/directories.h"
#include "train/checkpoint/checkpoint_manifest.h"

namespace bertyard {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kNameStart = "step-";

std::optional<std::int64_t> step_of(const std::string& name) {
  if (!name.starts_with(kNameStart)) return std::nullopt;
  std::int64_t step = 0;
  const char* end = name.data() + name.size();
  const auto parsed = std::from_chars(name.data() + kNameStart.size(), end, step);
  if (parsed.ec != std::errc() || parsed.ptr != end || checkpoint_name(step) != name) {
    return std::nullopt;
  }
  return step;
}

// What rotation needs to know of a checkpoint that its manifest can be read of.
struct Candidate {
  CheckpointEntry entry;
  double run_seconds = 0;
  std::optional<double> held_out_loss;
};

struct Candidates {
  std::vector<Candidate> good;  // by the manifest
  std::vector<CheckpointEntry> damaged;
};

// One that the file system does not give now is neither: it may be good.

Candidates candidates_of(const std::vector<CheckpointEntry>& entries) {
  Candidates candidates;
  for (const CheckpointEntry& entry : entries) {
    try {
      const CheckpointState state = read_checkpoint_manifest(entry.path).state;
      candidates.good.push_back({entry, state.run_seconds, state.held_out_loss});
    } catch (const DataError&) {
      candidates.damaged.push_back(entry);
    } catch (const IoError&) {
      continue;
    }
  }
  return candidates;
}

fs::path move_aside(const CheckpointEntry& entry, const FileCalls& calls) {
  const fs::path aside = entry.path.parent_path() / ("aside-" + checkpoint_name(entry.step));
  if (fs::exists(aside)) remove_directory(aside, calls);
  require_io(calls.rename(entry.path, aside), "set aside", entry.path);
  return aside;
}

// The first checkpoint of every full interval: the multiples, where steps are counted.
void keep_every(std::set<std::int64_t>& kept, const std::vector<Candidate>& candidates,
                const Interval& every) {
  std::set<std::int64_t> intervals;
  for (const Candidate& candidate : candidates) {
    std::int64_t interval = 0;
    if (every.steps > 0) interval = candidate.entry.step / every.steps;
    if (every.seconds > 0) {
      interval = static_cast<std::int64_t>(candidate.run_seconds / every.seconds);
    }
    if (interval > 0 && intervals.insert(interval).second) kept.insert(candidate.entry.step);
  }
}

void keep_newest_due(std::set<std::int64_t>& kept, const std::vector<Candidate>& candidates,
                     const CheckpointOptions& options) {
  const auto newest = std::find_if(
      candidates.rbegin(), candidates.rend(),
      [&](const Candidate& candidate) { return options.every.is_due(candidate.entry.step); });
  if (newest != candidates.rend()) kept.insert(newest->entry.step);
}

std::vector<Candidate> best_first(std::vector<Candidate> candidates) {
  std::erase_if(candidates, [](const Candidate& c) { return !c.held_out_loss; });
  std::stable_sort(candidates.begin(), candidates.end(), [](const auto& a, const auto& b) {
    return *a.held_out_loss < *b.held_out_loss;
  });
  return candidates;
}

// A link to what is not there goes.
void point_to(const fs::path& link, const Candidate* candidate, const FileCalls& calls) {
  if (candidate != nullptr) {
    swap_symlink(link, checkpoint_name(candidate->entry.step), calls);
  } else if (fs::is_symlink(link)) {
    require_io(calls.remove(link), "remove", link);
  }
}

}  // namespace

std::string checkpoint_name(std::int64_t step) {
  return fmt::format("{}{:08}", kNameStart, step);
}

std::vector<CheckpointEntry> list_checkpoints(const fs::path& checkpoints) {
  std::vector<CheckpointEntry> entries;
  for (const fs::path& path : entries_of(checkpoints)) {
    const auto step = step_of(path.filename().string());
    if (step && fs::is_directory(path)) entries.push_back({*step, path});
  }
  std::sort(entries.begin(), entries.end(),
            [](const auto& a, const auto& b) { return a.step < b.step; });
  return entries;
}

std::optional<Checkpoint> newest_good_checkpoint(const fs::path& checkpoints, Logger& log,
                                                 const FileCalls& calls) {
  std::vector<CheckpointEntry> entries = list_checkpoints(checkpoints);
  std::reverse(entries.begin(), entries.end());
  std::string first_reason;
  for (const CheckpointEntry& entry : entries) {
    try {
      return Checkpoint::read_patiently(entry.path, calls);
    } catch (const DataError& error) {
      log.warning("checkpoint of step {} cannot be used: {}", entry.step, error.what());
      if (first_reason.empty()) first_reason = error.what();
    }
  }
  if (entries.empty()) return std::nullopt;
  throw DataError(
      fmt::format("{}: none of {} checkpoint(s) can be used; the newest: {}; restore "
                  "one, or begin a new run under another run.name",
                  checkpoints.string(), entries.size(), first_reason));
}

Checkpoint open_checkpoint(const fs::path& path, Logger& log) {
  if (fs::exists(path / "manifest.json")) return Checkpoint::read(path);
  for (const fs::path& folder : {path / "checkpoints", path}) {
    if (auto found = newest_good_checkpoint(folder, log)) return std::move(*found);
  }
  throw DataError(fmt::format("{}: expected a checkpoint or a run directory with one, found {}",
                              path.string(), fs::exists(path) ? "neither" : "nothing"));
}

void rotate_checkpoints(const fs::path& checkpoints, const CheckpointOptions& options,
                        const FileCalls& calls) {
  const auto [candidates, damaged] = candidates_of(list_checkpoints(checkpoints));
  std::set<std::int64_t> kept;
  const std::size_t last = static_cast<std::size_t>(std::max(options.keep_last, 1));
  for (std::size_t i = candidates.size() - std::min(last, candidates.size()); i < candidates.size();
       ++i) {
    kept.insert(candidates[i].entry.step);
  }
  keep_every(kept, candidates, options.keep_every);
  const std::vector<Candidate> best = best_first(candidates);
  const auto best_count =
      std::min(best.size(), static_cast<std::size_t>(std::max(options.keep_best, 0)));
  for (std::size_t i = 0; i < best_count; ++i) kept.insert(best[i].entry.step);
  if (options.keep_due) keep_newest_due(kept, candidates, options);
  if (best_count > 0) {
    swap_symlink(checkpoints / "best", checkpoint_name(best[0].entry.step), calls);
  }
  for (const Candidate& candidate : candidates) {
    if (!kept.contains(candidate.entry.step)) remove_directory(candidate.entry.path, calls);
  }
  for (const CheckpointEntry& entry : damaged) move_aside(entry, calls);
}

void set_newer_aside(const fs::path& checkpoints, std::int64_t step, Logger& log,
                     const FileCalls& calls) {
  for (const CheckpointEntry& entry : list_checkpoints(checkpoints)) {
    if (entry.step <= step) continue;
    log.warning(
        "the run goes on from step {}: the checkpoint of step {} is now {}; delete it when "
        "nobody wants it",
        step, entry.step, move_aside(entry, calls).string());
  }
  // Also after a kill between a checkpoint's rename and that of the links.
  const std::vector<Candidate> left = candidates_of(list_checkpoints(checkpoints)).good;
  const std::vector<Candidate> best = best_first(left);
  point_to(checkpoints / "latest", left.empty() ? nullptr : &left.back(), calls);
  point_to(checkpoints / "best", best.empty() ? nullptr : &best.front(), calls);
  sync_directory(checkpoints, calls);
}

void remove_checkpoint_leftovers(const fs::path& checkpoints, const FileCalls& calls) {
  remove_leftovers(checkpoints, kTemporaryPrefix, calls);
}

}  // namespace bertyard
