// SPDX-License-Identifier: Apache-2.0
#include "launch/verbs/verb_verify.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/base/standard_error.h"
#include "data/files/atomic_file.h"
#include "data/files/directories.h"
#include "data/shards/manifest.h"
#include "launch/plot/plot_svg.h"
#include "launch/plot/plot_terminal.h"
#include "launch/run/find_vocabulary.h"
#include "train/checkpoint/checkpoint.h"
#include "train/journal/console.h"

namespace bertyard {
namespace {

namespace fs = std::filesystem;

VerifyReport verify_one(const VerifyOptions& options, const fs::path& path) {
  auto vocabulary = find_vocabulary(options.vocab, path, vocabulary_hash_of(path));
  VerifyReport report = verify_samples(path, vocabulary ? &*vocabulary : nullptr);
  report.vocabulary = std::move(vocabulary);
  return report;
}

void print_findings(const VerifyReport& report) {
  for (const std::string& finding : report.findings.texts()) {
    write_standard_error(fmt::format("error: {}\n", finding));
  }
  if (report.findings.more() > 0) {
    write_standard_error(
        fmt::format("error: {}: and {} more findings\n", report.path, report.findings.more()));
  }
}

void draw(const VerifyOptions& options, const std::vector<VerifyReport>& reports) {
  const Plot plot = verify_plot(reports);
  if (options.picture != PlotForm::svg && !plot.series.empty()) {
    const auto glyphs =
        options.picture == PlotForm::ascii ? PlotGlyphs::ascii : PlotGlyphs::braille;
    fmt::print("\n{}", plot_text(plot, terminal_form(glyphs)));
  }
  if (options.out.empty()) return;
  const fs::path file = options.out;
  if (file.has_parent_path()) make_directories(file.parent_path());
  write_file_atomically(file, plot_svg(plot));
  if (options.form == OutputForm::text) fmt::print("\npicture: {}\n", options.out);
}

// Every file of it against its manifest; DataError names the one that is not as it was written.
int verify_checkpoint(const VerifyOptions& options) {
  const Checkpoint checkpoint = Checkpoint::read(options.path);
  const std::int64_t step = checkpoint.state().step;
  if (options.form == OutputForm::json) {
    fmt::print("{}\n", nlohmann::ordered_json{{"checkpoint", options.path}, {"step", step}}.dump());
  } else {
    fmt::print("{}: checkpoint of step {}, all files as they were written\n", options.path,
               grouped(step));
  }
  return static_cast<int>(ExitCode::ok);
}

}  // namespace

std::vector<VerifyReport> verify_parts(const VerifyOptions& options) {
  const fs::path path = options.path;
  std::vector<VerifyReport> reports;
  if (fs::is_directory(path) && !fs::exists(path / kManifestName)) {
    for (const char* part : {"train", "valid"}) {
      if (fs::is_directory(path / part)) reports.push_back(verify_one(options, path / part));
    }
  }
  if (reports.empty()) reports.push_back(verify_one(options, path));
  return reports;
}

int run_verify(const VerifyOptions& options) {
  require_svg_name(options.out, "--out");
  if (fs::exists(fs::path(options.path) / "model.safetensors") &&
      fs::exists(fs::path(options.path) / kManifestName)) {
    return verify_checkpoint(options);
  }
  const std::vector<VerifyReport> reports = verify_parts(options);
  if (options.form == OutputForm::json) {
    fmt::print("{}", verify_json(reports));
  } else {
    for (const VerifyReport& report : reports) {
      fmt::print("{}{}", &report == &reports.front() ? "" : "\n", verify_text(report));
    }
  }
  draw(options, reports);
  std::fflush(stdout);
  for (const VerifyReport& report : reports) print_findings(report);
  const bool sound = std::all_of(reports.begin(), reports.end(),
                                 [](const VerifyReport& report) { return report.findings.none(); });
  return static_cast<int>(sound ? ExitCode::ok : ExitCode::data);
}

}  // namespace bertyard
