// SPDX-License-Identifier: Apache-2.0
#include "launch/run/resume_choice.h"

#include <algorithm>
#include <filesystem>
#include <sstream>

#include <fmt/format.h>

#include "core/base/error.h"
#include "parallel/agreement.h"

namespace bertyard {
namespace {

// How reading went on one rank: "" or a letter and the reason.
constexpr char kDamaged = 'd';
constexpr char kUnreadable = 'u';

std::string try_to_read(const std::string& path, std::optional<Checkpoint>& checkpoint) {
  try {
    checkpoint = Checkpoint::read_patiently(path);
    return "";
  } catch (const IoError& error) {
    return kUnreadable + std::string(error.what());
  } catch (const std::exception& error) {
    return kDamaged + std::string(error.what());
  }
}

// The ranks whose outcome begins with `letter`, and the reason of the first.
struct Outcome {
  std::vector<int> ranks;
  std::string reason;
};
Outcome with_letter(const std::vector<std::string>& outcomes, char letter) {
  Outcome found;
  for (std::size_t rank = 0; rank < outcomes.size(); ++rank) {
    if (!outcomes[rank].starts_with(letter)) continue;
    if (found.ranks.empty()) found.reason = outcomes[rank].substr(1);
    found.ranks.push_back(static_cast<int>(rank));
  }
  return found;
}

std::string rank_words(const Outcome& outcome, int ranks) {
  if (ranks == 1) return "";
  return fmt::format(" on rank{} {}", outcome.ranks.size() == 1 ? "" : "s",
                     rank_list(outcome.ranks));
}

// Throws where `path` must not be passed over. What is wrong with it, which is said, or nothing.
std::string damage_of(const ResumingRanks& ranks, const std::string& path, const std::string& own) {
  const std::vector<std::string> outcomes =
      ranks.control.all_gather_strings("verification of a checkpoint", own);
  const Outcome unreadable = with_letter(outcomes, kUnreadable);
  const int count = ranks.control.size();
  if (!unreadable.ranks.empty()) {
    throw IoError(fmt::format(
        "the checkpoint {} cannot be read{} now, which does not make it a bad one: {}; mend the "
        "storage and start again, or go back to an older one by --resume PATH",
        path, rank_words(unreadable, count), unreadable.reason));
  }
  const Outcome damaged = with_letter(outcomes, kDamaged);
  if (damaged.ranks.empty()) return "";
  if (ranks.control.rank() == 0) {
    ranks.log.warning("checkpoint {} cannot be used{}: {}",
                      std::filesystem::path(path).filename().string(), rank_words(damaged, count),
                      damaged.reason);
  }
  return damaged.reason;
}

}  // namespace

bool has_begun(const RunOptions& run) {
  return std::filesystem::exists(std::filesystem::path(run.directory) / run.name /
                                 "checkpoints/latest");
}

std::optional<Checkpoint> agree_on_checkpoint(const ResumingRanks& ranks,
                                              const CheckpointOptions& options,
                                              const RunDirectory* directory) {
  std::string list;
  if (directory != nullptr) {
    for (const auto& path : directory->resume_candidates(options, ranks.log)) {
      list += path.string() + "\n";
    }
  }
  list = ranks.control.broadcast_string("checkpoints to resume from", list);
  std::istringstream lines(list);
  int tried = 0;
  std::string first_reason;
  for (std::string path; std::getline(lines, path); ++tried) {
    std::optional<Checkpoint> checkpoint;
    const std::string own = try_to_read(path, checkpoint);
    const std::string damage = damage_of(ranks, path, own);
    if (damage.empty()) return checkpoint;
    if (first_reason.empty()) first_reason = damage;
  }
  if (tried == 0) return std::nullopt;
  throw DataError(fmt::format(
      "none of {} checkpoint(s) can be used; the newest: {}; restore one, or begin a new run under "
      "another run.name",
      tried, first_reason));
}

}  // namespace bertyard
