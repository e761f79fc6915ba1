// SPDX-License-Identifier: Apache-2.0
#include "launch/run/rank_reports.h"

#include <filesystem>

#include <fmt/format.h>

#include "core/backend/update_ops.h"
#include "core/base/error.h"
#include "core/base/hash.h"
#include "data/files/atomic_file.h"
#include "data/files/directories.h"
#include "train/bad_numbers.h"

namespace bertyard {
namespace {

std::string rank_name(const RunParts& parts, std::size_t rank) {
  return fmt::format("rank {} on {}", rank, parts.hosts[rank]);
}

// runs/NAME/bad/step-00000021-rank-0003.jsonl
std::string save_batch(const RunParts& parts, const TrainerHooks::Skipped& skipped) {
  const RunOptions& run = parts.loaded.config.run;
  const std::int64_t step = skipped.report.state.step;
  const int rank = parts.communicator.rank();
  const auto file = std::filesystem::path(run.directory) / run.name / "bad" /
                    fmt::format("step-{:08}-rank-{:04}.jsonl", step, rank);
  const Batch& batch = skipped.batches.micro_batches[skipped.found->micro_batch];
  try {
    make_directories(file.parent_path());
    write_file_atomically(file, batch_json(batch, step, rank));
  } catch (const IoError& error) {
    return fmt::format("the batch was not saved: {}", error.what());
  }
  return fmt::format("batch saved to {}", file.string());
}

// What computing this rank's share again showed.
std::string own_finding(const RunParts& parts, const TrainerHooks::Skipped& skipped) {
  if (!skipped.found) return "";
  const BadNumbers& bad = *skipped.found;
  if (bad.in_weights) return fmt::format("weights of {}", bad.tensor);
  std::string first = bad.in_loss ? "loss" : "";
  if (!bad.tensor.empty()) {
    first += fmt::format("{}gradient of {} first", first.empty() ? "" : ", ", bad.tensor);
  }
  return fmt::format("micro-batch {}, {}; {}", bad.micro_batch, first, save_batch(parts, skipped));
}

}  // namespace

void report_skipped(const RunParts& parts, RunJournal* journal,
                    const TrainerHooks::Skipped& skipped) {
  const std::int64_t step = skipped.report.state.step;
  const auto all =
      parts.control.all_gather_strings("numbers that are not finite", own_finding(parts, skipped));
  if (journal == nullptr) return;
  bool named = false;
  for (std::size_t rank = 0; rank < all.size(); ++rank) {
    if (all[rank].empty()) continue;
    named = true;
    parts.log.warning("step {}: not finite on {}: {}", step, rank_name(parts, rank), all[rank]);
    journal->write_event(
        journal->event("not_finite", step).add("rank", rank).add("where", all[rank]));
  }
  if (named) return;
  parts.log.warning(
      "step {}: computed again, every rank's gradient is finite: no fault of the data, but of a "
      "memory, a device or the network; watch which host this happens on",
      step);
  journal->write_event(journal->event("not_finite", step).add("where", "not reproducible"));
}

void require_same_weights(const RunParts& parts, std::int64_t step) {
  const auto size = static_cast<std::size_t>(parts.communicator.size());
  if (size == 1) return;
  const std::uint64_t hash =
      parts.setup.device->update_ops().hash(parts.setup.objective.parameters().values());
  const std::vector<int> odd =
      parts.control.ranks_that_differ("weights of the ranks", hash_text(hash));
  if (odd.empty()) return;
  std::string names;
  for (const int rank : odd) {
    names += (names.empty() ? "" : ", ") + rank_name(parts, static_cast<std::size_t>(rank));
  }
  throw EnvironmentError(fmt::format(
      "step {}: the weights of {} are not those of the other ranks{}: a memory or a device has "
      "changed a bit. The newest checkpoint was compared before it was written; leave that host "
      "out and resume",
      step, names,
      2 * odd.size() >= size ? " (as many against as many: either side may be wrong)" : ""));
}

void report_stragglers(const RunParts& parts, RunJournal& journal, std::int64_t step,
                       const std::vector<Straggler>& slow) {
  for (const Straggler& one : slow) {
    const auto rank = static_cast<std::size_t>(one.rank);
    parts.log.warning(
        "step {}: {} takes {:.2f} times as long as the others, most of it in {}: {:.1f} ms a step, "
        "others {:.1f} ms",
        step, rank_name(parts, rank), one.ratio, name_of(one.phase), one.seconds * 1e3,
        one.median_seconds * 1e3);
    journal.write_event(journal.event("straggler", step)
                            .add("rank", one.rank)
                            .add("host", parts.hosts[rank])
                            .add("phase", name_of(one.phase))
                            .add("ratio", one.ratio)
                            .add("ms", one.seconds * 1e3)
                            .add("median_ms", one.median_seconds * 1e3));
  }
}

}  // namespace bertyard
