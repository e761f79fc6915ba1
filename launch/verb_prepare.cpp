// SPDX-License-Identifier: Apache-2.0
#include "launch/verb_prepare.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "data/files/directory_lock.h"
#include "data/learnt_vocabulary.h"
#include "data/masking.h"
#include "data/prepare.h"
#include "data/prepare_job.h"
#include "data/prepare_memory.h"
#include "data/sample_source.h"
#include "data/vocabulary.h"
#include "data/vocabulary_learner.h"
#include "data/word_job.h"
#include "launch/build_info.h"
#include "launch/cpu_threads.h"
#include "launch/progress_line.h"
#include "parallel/agreement.h"
#include "train/console.h"

namespace bertyard {
namespace {

std::string counted(std::uint64_t count) {
  return grouped(static_cast<std::int64_t>(count));
}

// The ranks wait as long as the slowest needs for its share.
constexpr ControlPlane::Seconds kStageLimit{7.0 * 24 * 3600};

// The directory of standard input as a file, which all ranks read and rank 0 owns. It goes when the
// preparation ends, well or not; what a killed one has left goes first.
class StandardInputDirectory {
 public:
  explicit StandardInputDirectory(std::filesystem::path path) : path_(std::move(path)) {
    std::filesystem::remove_all(path_);
  }
  ~StandardInputDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  StandardInputDirectory(const StandardInputDirectory&) = delete;
  StandardInputDirectory& operator=(const StandardInputDirectory&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// One preparation: the ranks, who speaks, and how far the work is.
class Preparation {
 public:
  Preparation(const RunConfig& config, const ProcessGroup& group)
      : group_(group),
        config_(config),
        share_{group.rank(), group.size()},
        threads_(cpu_threads(config.parallel.threads, group.local_size)),
        line_(group.size(), ::isatty(STDERR_FILENO) != 0) {
    // No agreement may run out of time while rank 0 works for all.
    group_.control->set_time_limit(kStageLimit);
    if (leads()) hold_output();
    take_standard_input();
  }

  Vocabulary vocabulary() {
    const std::filesystem::path path = config_.tokenizer.vocab;
    const bool exists = leads() && std::filesystem::exists(path);
    const bool learns = group_.control->agree_max("vocabulary", exists ? 1 : 0) == 0;
    if (learns) learn(path);
    Vocabulary vocabulary = Vocabulary::load(path);
    const std::string note = check_learnt_vocabulary(path, vocabulary, config_.tokenizer.options,
                                                     config_.tokenizer.learn);
    if (!note.empty()) say(fmt::format("note        {}\n", note));
    say(fmt::format("vocabulary  {} entries {} {}\n", counted(vocabulary.size()),
                    learns ? "written to" : "from", path.string()));
    return vocabulary;
  }

  PrepareReport prepare(const Vocabulary& vocabulary) {
    const PrepareOptions options = prepare_options();
    check_options(options);
    PrepareJob job(options, vocabulary, progress());
    check_same_everywhere(*group_.control, {{"text files", job.key(), ItemOrigin::environment},
                                            {"vocabulary", hash_text(vocabulary.hash())}});
    std::optional<PrepareReport> report;
    if (leads()) report = job.already_there();
    if (group_.control->agree_max("what is there", report ? 1 : 0) > 0) {
      return report.value_or(PrepareReport{});
    }
    if (needs_whole_corpus(options.samples.sampling)) return prepare_alone(options, vocabulary);
    check_memory(options);
    if (leads()) job.open();
    wait("directories");
    job.run_text(share_);
    wait("text");
    job.run_shards(share_);
    wait("samples");
    line_.finish();
    if (leads()) report = job.finish();
    wait("manifest");
    return report.value_or(PrepareReport{});
  }

  bool leads() const { return group_.rank() == 0; }

 private:
  PrepareOptions prepare_options() const {
    return {.corpus = config_.corpus,
            .tokenizer = config_.tokenizer.options,
            .samples = config_.samples,
            .seed = config_.run.seed,
            .threads = threads_,
            .memory = config_.samples.memory_bytes};
  }
  PrepareReport prepare_alone(const PrepareOptions& options, const Vocabulary& vocabulary) {
    PrepareReport report;
    if (leads()) report = prepare_in_memory(options, vocabulary, progress());
    line_.finish();
    wait("samples");
    return report;
  }
  void wait(const char* what) { group_.control->barrier(what, kStageLimit); }
  void say(const std::string& text) const {
    if (!leads()) return;
    fmt::print("{}", text);
    std::fflush(stdout);
  }
  std::filesystem::path directory(const char* name) const {
    return std::filesystem::path(config_.samples.out) / name;
  }
  ProgressCallback progress() {
    if (!leads()) return nullptr;
    return [this](const PrepareProgress& progress) { line_.show(progress); };
  }

  // Two preparations in one place would remove each other's work.
  void hold_output() {
    const std::filesystem::path out = config_.samples.out;
    std::filesystem::create_directories(out);
    lock_.emplace(out, DirectoryRole{"samples.out", "samples.out"}, log_);
    input_.emplace(directory("input.tmp-prepare"));
  }
  // Rank 0 alone has it.
  void take_standard_input() {
    auto& text = config_.corpus.text;
    const auto entry = std::find(text.begin(), text.end(), "-");
    if (entry == text.end()) return;
    if (leads()) save_standard_input(config_.corpus, input_->path());
    *entry = group_.control->broadcast_string("standard input", *entry);
  }

  void learn(const std::filesystem::path& path) {
    check_memory(prepare_options());  // now, not when the words have been counted
    say(fmt::format("vocabulary  learning {} entries from the text ...\n",
                    grouped(config_.tokenizer.learn.size)));
    const WordJob job(config_.corpus, config_.tokenizer.options, directory("words.tmp-prepare"));
    if (leads()) job.open();
    wait("directories");
    job.run(share_, text_threads(threads_, config_.samples.memory_bytes, config_.corpus.layout),
            progress());
    wait("words");
    line_.finish();
    if (leads()) {
      std::vector<WordCount> words = job.counts();
      check_learning_memory(words, config_.samples.memory_bytes);
      const Vocabulary learnt =
          learn_vocabulary(std::move(words), config_.tokenizer.options, config_.tokenizer.learn);
      if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path());
      save_learnt_vocabulary(path, learnt, config_.tokenizer.options, config_.tokenizer.learn);
      job.close();
    }
    wait("vocabulary");
  }

  const ProcessGroup& group_;
  RunConfig config_;  // with the file that standard input became
  WorkShare share_;
  int threads_;
  ProgressLine line_;
  Logger log_{{}};
  std::optional<DirectoryLock> lock_;
  std::optional<StandardInputDirectory> input_;
};

void print_part(const char* name, const std::filesystem::path& path, const ShardCounts& counts) {
  fmt::print("{:<11} {} samples, {} tokens from {} documents, {} sentences -> {}\n", name,
             counted(counts.samples), counted(counts.sample_tokens), counted(counts.documents),
             counted(counts.sentences), path.string());
}

void print_notes(const CorpusCounts& corpus) {
  const auto note = [](std::uint64_t count, const char* what) {
    if (count > 0) fmt::print("note        {} {}\n", counted(count), what);
  };
  note(corpus.invalid_utf8, "invalid UTF-8 sequences were replaced by U+FFFD");
  note(corpus.nul_bytes, "NUL bytes were dropped");
  note(corpus.cut_lines, "very long lines were cut");
  note(corpus.empty_files, "files are empty");
  note(corpus.empty_documents, "documents have no sentence");
  note(corpus.cut_documents, "documents were longer than 8 MiB and were cut");
  note(corpus.lines_outside, "lines of text stand outside <doc ...> and </doc>");
  note(corpus.bad_lines, "JSONL lines could not be used:");
}

void print_report(const PrepareReport& report, double seconds) {
  print_part("train", report.train, report.train_counts);
  if (!report.valid.empty()) print_part("held out", report.valid, report.valid_counts);
  fmt::print("[UNK]       {:.3f}% of the text's tokens\n", 100 * report.unknown_rate());
  if (report.outcome == PrepareOutcome::already_there) {
    fmt::print("nothing to do: these shards were made from the same text with the same settings\n");
    return;
  }
  print_notes(report.corpus);
  for (const std::string& fault : report.faults) fmt::print("              {}\n", fault);
  fmt::print("done in {}\n", duration_text(seconds));
}

void show(const RunConfig& config, const Vocabulary& vocabulary, const PrepareReport& report,
          std::uint64_t count) {
  const auto source = open_samples(report.train, {.vocabulary_hash = vocabulary.hash()});
  std::optional<Masker> masker;
  if (source->properties().masks == MaskTime::training) {
    masker.emplace(config.samples.mask, mask_vocabulary(vocabulary));
  }
  fmt::print("\n{}", show_samples(*source, vocabulary, masker ? &*masker : nullptr, config.run.seed,
                                  count));
}

}  // namespace

int run_prepare(const PrepareVerbOptions& options, MpiEnvironment& environment) {
  const LoadedConfig loaded = load_config(options.request);
  require_keys(loaded, {"corpus.text", "tokenizer.vocab", "samples.out"}, "prepare");
  const RunConfig& config = loaded.config;
  const ProcessGroup group = environment.make_process_group();
  check_same_everywhere(*group.control, {{"configuration", hash_text(xxh3(resolved_yaml(config)))},
                                         {"program", build_identity(), ItemOrigin::environment}});
  const auto start = std::chrono::steady_clock::now();
  try {
    Preparation preparation(config, group);
    const Vocabulary vocabulary = preparation.vocabulary();
    const PrepareReport report = preparation.prepare(vocabulary);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    if (!preparation.leads()) return static_cast<int>(ExitCode::ok);
    print_report(report, seconds.count());
    if (options.show > 0) show(config, vocabulary, report, options.show);
  } catch (const std::filesystem::filesystem_error& error) {
    throw IoError(fmt::format("prepare: {}", error.what()));
  }
  return static_cast<int>(ExitCode::ok);
}

}  // namespace bertyard
