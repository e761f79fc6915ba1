// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "data/files/json_dump.h"
#include "launch/console/text_table.h"
#include "launch/inspect/sample_figures.h"
#include "launch/verbs/verb_verify.h"

namespace bertyard {
namespace {

constexpr std::size_t kClasses = 64;  // of lengths, at most

std::string count_text(std::uint64_t count) {
  return grouped(static_cast<std::int64_t>(count));
}

// 80/10/10 where it can be told what [MASK] is.
struct Fates {
  std::uint64_t mask = 0;
  std::uint64_t random = 0;
};
std::optional<Fates> fates_of(const VerifyReport& report) {
  const SampleStatistics& counts = report.statistics;
  const auto mask = counts.mask_id(report.vocabulary ? &*report.vocabulary : nullptr);
  if (!mask) return std::nullopt;
  const std::uint64_t masked = counts.replaced_by(*mask);
  return Fates{masked, counts.masked - counts.kept - masked};
}

std::string masks_text(const VerifyReport& report) {
  if (report.masks == MaskTime::training) return "drawn anew in every epoch, none are stored";
  const SampleStatistics& counts = report.statistics;
  std::string text = fmt::format("{}, {} of the tokens", count_text(counts.masked),
                                 percent(counts.masked, counts.tokens));
  const auto fates = fates_of(report);
  if (!fates) return text;
  return text + fmt::format(": {} [MASK], {} random, {} kept", percent(fates->mask, counts.masked),
                            percent(fates->random, counts.masked),
                            percent(counts.kept, counts.masked));
}

std::string verdict(const VerifyReport& report) {
  if (report.findings.none()) return "ok";
  const std::uint64_t count = report.findings.texts().size() + report.findings.more();
  return fmt::format("{} finding{}", count, count == 1 ? "" : "s");
}

std::string checked_text(const VerifyReport& report) {
  return fmt::format(
      "{} file{}, {} of 1 MiB against their checksums, {}", report.files,
      report.files == 1 ? "" : "s",
      report.checked_blocks == 1 ? "1 block" : count_text(report.checked_blocks) + " blocks",
      report.findings.none() ? "every sample"
                             : "samples read: " + count_text(report.statistics.samples));
}

std::vector<PlotPoint> length_curve(const std::vector<std::uint64_t>& lengths,
                                    std::uint64_t samples) {
  const std::size_t width = (lengths.size() + kClasses - 1) / kClasses;
  std::vector<PlotPoint> points;
  for (std::size_t first = 0; first < lengths.size(); first += width) {
    const std::size_t end = std::min(lengths.size(), first + width);
    std::uint64_t count = 0;
    for (std::size_t length = first; length < end; ++length) count += lengths[length];
    const double share = static_cast<double>(count) / static_cast<double>(samples);
    points.push_back({static_cast<double>(first), share});  // a step, as a histogram has
    points.push_back({static_cast<double>(end), share});
  }
  return points;
}

void add_figures(const VerifyReport& report, std::vector<BannerRow>& rows) {
  const SampleStatistics& counts = report.statistics;
  const double mean = static_cast<double>(counts.tokens) / static_cast<double>(counts.samples);
  rows.push_back({"samples", count_text(counts.samples)});
  rows.push_back(
      {"tokens", fmt::format("{}, {:.1f} a sample, {} at most", count_text(counts.tokens), mean,
                             counts.lengths.size() - 1)});
  if (has_sentence_pairs(report.next_sentence)) {
    rows.push_back({report.next_sentence == NextSentence::sop ? "swapped" : "random next",
                    percent(counts.random_next, counts.samples)});
  }
  rows.push_back({"masks", masks_text(report)});
  rows.push_back({"[UNK]", report.vocabulary
                               ? percent(counts.unknown, counts.tokens) + " of the tokens"
                               : "not known without the vocabulary: name it with --vocab"});
}

}  // namespace

std::string verify_text(const VerifyReport& report) {
  std::vector<BannerRow> rows{
      {"layout", report.layout.empty() ? "could not be opened" : report.layout},
      {"checked", checked_text(report)},
  };
  if (report.statistics.samples > 0) add_figures(report, rows);
  for (const std::string& warning : report.warnings) rows.push_back({"warning", warning});
  rows.push_back({"verdict", verdict(report)});
  return section_text(fmt::format("samples {}", report.path), rows);
}

std::string verify_json(const std::vector<VerifyReport>& reports) {
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const VerifyReport& report : reports) {
    const SampleStatistics& counts = report.statistics;
    nlohmann::ordered_json json;
    json["path"] = report.path;
    json["ok"] = report.findings.none();
    json["findings"] = report.findings.texts();
    json["more_findings"] = report.findings.more();
    json["warnings"] = report.warnings;
    json["layout"] = report.layout;
    json["samples"] = counts.samples;
    json["tokens"] = counts.tokens;
    json["random_next"] = counts.random_next;
    json["masked"] = counts.masked;
    json["kept"] = counts.kept;
    const auto fates = fates_of(report);
    json["replaced_by_mask"] = fates ? nlohmann::ordered_json(fates->mask) : nullptr;
    json["unknown"] = report.vocabulary ? nlohmann::ordered_json(counts.unknown) : nullptr;
    json["lengths"] = counts.lengths;
    all.push_back(json);
  }
  return dump_json(all) + "\n";
}

Plot verify_plot(const std::vector<VerifyReport>& reports) {
  Plot plot;
  plot.title = "Lengths of samples";
  plot.x = {"tokens of a sample", ValueUnit::count};
  plot.y = {"share of samples", ValueUnit::share};
  for (const VerifyReport& report : reports) {
    const std::string label = fmt::format("{}: {}", report.path, verdict(report));
    if (report.statistics.samples == 0) {
      plot.title += fmt::format(" ({})", label);
      continue;
    }
    plot.series.push_back({label, SeriesStyle::curve, static_cast<int>(plot.series.size()),
                           length_curve(report.statistics.lengths, report.statistics.samples)});
  }
  return plot;
}

}  // namespace bertyard
