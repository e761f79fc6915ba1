// SPDX-License-Identifier: Apache-2.0
#include "launch/verbs/verb_tokenize.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "core/base/standard_error.h"
#include "data/tokenizer/tokenizer.h"
#include "data/tokenizer/vocabulary.h"
#include "launch/run/cpu_threads.h"
#include "train/journal/console.h"

namespace bertyard {
namespace {

std::string counted(std::uint64_t count) {
  return grouped(static_cast<std::int64_t>(count));
}

[[noreturn]] void fail_to_write() {
  throw IoError(fmt::format("writing to standard output failed: {}", std::strerror(errno)));
}

void write_out(std::string_view lines) {
  if (std::fwrite(lines.data(), 1, lines.size(), stdout) != lines.size()) fail_to_write();
}

void print_summary(const TokenizeFilesReport& report, double seconds) {
  fmt::print("{} texts, {} bytes, {} tokens ({:.3f}% [UNK]), xxh3 {}\n", counted(report.texts),
             counted(report.bytes), counted(report.tokens),
             report.tokens == 0
                 ? 0.0
                 : 100 * static_cast<double>(report.unknown) / static_cast<double>(report.tokens),
             hash_text(report.hash));
  fmt::print("{:.2f} s, {:.1f} MB/s\n", seconds, static_cast<double>(report.bytes) / seconds / 1e6);
}

void print_notes(const TokenizeFilesReport& report) {
  const auto note = [](std::uint64_t count, const char* what) {
    if (count > 0) write_standard_error(fmt::format("note: {} {}\n", counted(count), what));
  };
  note(report.invalid_utf8, "invalid UTF-8 sequences were replaced by U+FFFD");
  note(report.bad_lines, "bad lines became null");
  for (const std::string& fault : report.faults) write_standard_error(fmt::format("  {}\n", fault));
  if (report.bad_lines > report.faults.size()) write_standard_error("  ...\n");
}

}  // namespace

int run_tokenize(const TokenizeVerbOptions& options) {
  if (std::ranges::find(options.never_split, "") != options.never_split.end()) {
    throw UsageError("--never-split is empty, expected a word to keep");
  }
  const Vocabulary vocabulary = Vocabulary::load(options.vocab);
  const Tokenizer tokenizer(vocabulary, options.tokenizer, options.never_split);
  TokenizeFilesOptions files = options.files;
  if (files.files.empty()) files.files = {"-"};
  files.threads = cpu_threads(options.threads, 1);
  const auto start = std::chrono::steady_clock::now();
  const TokenizeFilesReport report = tokenize_files(files, tokenizer, vocabulary, write_out);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  if (!files.lines_wanted) print_summary(report, seconds.count());
  if (std::fflush(stdout) != 0) fail_to_write();
  print_notes(report);
  const bool read_none = report.bad_lines > 0 && report.tokens == 0;
  return static_cast<int>(read_none ? ExitCode::data : ExitCode::ok);
}

}  // namespace bertyard
