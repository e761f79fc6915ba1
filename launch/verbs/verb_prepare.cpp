// SPDX-License-Identifier: Apache-2.0
#include "launch/verbs/verb_prepare.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <unistd.h>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "data/files/atomic_file.h"
#include "data/files/directory_lock.h"
#include "data/prepare/learnt_vocabulary.h"
#include "data/prepare/prepare.h"
#include "data/prepare/prepare_job.h"
#include "data/prepare/prepare_memory.h"
#include "data/prepare/word_job.h"
#include "data/samples/masking.h"
#include "data/samples/sample_source.h"
#include "data/text/text_paths.h"
#include "data/tokenizer/vocabulary.h"
#include "data/tokenizer/vocabulary_learner.h"
#include "launch/console/progress_line.h"
#include "launch/run/cpu_threads.h"
#include "launch/run/injected_faults.h"
#include "launch/run/start_model.h"
#include "launch/run/work_watch.h"
#include "launch/verbs/build_info.h"
#include "launch/verbs/prepare_report.h"
#include "parallel/agreement.h"
#include "train/journal/console.h"

namespace bertyard {
namespace {

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

bool lies_in(const std::filesystem::path& path, const std::filesystem::path& directory) {
  const auto outer = std::filesystem::canonical(directory);
  const auto inner = std::filesystem::weakly_canonical(path);
  return std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end()).first == outer.end();
}

// There must be room for what is written, and it must not be read as text the next time. `texts`
// are the files that corpus.text names.
void check_outputs(const RunConfig& config, const std::vector<std::string>& texts) {
  const std::pair<const char*, std::string> outputs[] = {
      {"samples.out", config.samples.out}, {"tokenizer.vocab", config.tokenizer.vocab}};
  for (const std::string& text : config.corpus.text) {
    if (!std::filesystem::is_directory(text)) continue;
    for (const auto& [key, path] : outputs) {
      if (!lies_in(path, text)) continue;
      throw UsageError(fmt::format(
          "prepare: {} is {}, which lies in {} of corpus.text and would be read as text; put it "
          "beside that directory",
          key, path, text));
    }
  }
  if (std::filesystem::exists(config.samples.out) &&
      !std::filesystem::is_directory(config.samples.out)) {
    throw UsageError(
        fmt::format("prepare: samples.out is {}, which is a file, expected a directory or a name "
                    "that is free",
                    config.samples.out));
  }
  // What a glob takes shows when it is there.
  const auto plain = [](const std::string& path) {
    return std::filesystem::absolute(path).lexically_normal().string();
  };
  const std::string out = plain(config.samples.out) + "/", vocabulary = plain(outputs[1].second);
  for (const std::string& path : texts) {
    const std::string text = plain(path);
    const bool is_vocabulary = text == vocabulary || text == vocabulary + ".learnt";
    if (!is_vocabulary && !text.starts_with(out)) continue;
    throw UsageError(fmt::format(
        "prepare: corpus.text takes {}, which is {} and no text; name the files in another way, or "
        "put it elsewhere",
        path, is_vocabulary ? "tokenizer.vocab" : "of samples.out"));
  }
}

WorkWatch::Setting watch_of(const RunConfig& config, const ProcessGroup& group,
                            MpiEnvironment& environment) {
  return {.limit = config.watch.limit,
          .slow_limit = config.watch.slow_limit,
          .hosts = group.hosts,
          .log_folder = std::filesystem::path(config.samples.out) / "logs",
          .end = [&environment](int exit_code) { environment.end_job(exit_code); }};
}

// One preparation: the ranks, who speaks, and how far the work is.
class Preparation {
 public:
  Preparation(const RunConfig& config, const ProcessGroup& group, MpiEnvironment& environment)
      : group_(group),
        config_(config),
        share_{group.rank(), group.size()},
        threads_(cpu_threads(config.parallel.threads, group.local_size)),
        line_(group.size(), ::isatty(STDERR_FILENO) != 0),
        fault_(fault_of(group.rank())) {
    // No agreement may run out of time while rank 0 works for all.
    group_.control->set_time_limit(kStageLimit);
    if (leads()) hold_output();
    take_standard_input();  // as long as the pipe's other end likes
    watch_.emplace(watch_of(config, group, environment), *group.control);
  }

  Vocabulary vocabulary() {
    const std::filesystem::path path = config_.tokenizer.vocab;
    const bool exists = leads() && std::filesystem::exists(path);
    const bool learns = !agree("vocabulary", exists);
    std::optional<SavedModel> start;
    // A model that is yet to be trained says nothing against a vocabulary that is there.
    const std::string& from = config_.model.from;
    if (!from.empty() && (learns || std::filesystem::exists(from))) {
      start = open_saved_model(from, log_);
    }
    if (learns) start ? take_from(*start, path) : learn(path);
    if (!learns && leads()) std::filesystem::remove_all(words_directory());
    Vocabulary vocabulary = Vocabulary::load(path);
    if (start) check_vocabulary(config_, *start, vocabulary, StartFor::pre_training);
    const std::string note = check_learnt_vocabulary(path, vocabulary, config_.tokenizer.options,
                                                     config_.tokenizer.learn, config_.corpus);
    if (!note.empty()) say(fmt::format("note        {}\n", note));
    say(fmt::format("vocabulary  {} entries {} {}\n",
                    grouped(static_cast<std::int64_t>(vocabulary.size())),
                    learns ? "written to" : "from", path.string()));
    return vocabulary;
  }

  PrepareReport prepare(const Vocabulary& vocabulary) {
    const PrepareOptions options = prepare_options();
    check_options(options);
    watch_->begin(RankPhase::files);
    PrepareJob job(options, vocabulary, progress());
    watch_->await();
    check_same_everywhere(*group_.control, {{"text files", job.key(), ItemOrigin::environment},
                                            {"vocabulary", hash_text(vocabulary.hash())}});
    std::optional<PrepareReport> report;
    if (begins(RankPhase::files)) report = job.already_there();
    if (agree("what is there", report.has_value())) return report.value_or(PrepareReport{});
    if (needs_whole_corpus(options.samples.sampling)) return prepare_alone(options, vocabulary);
    check_memory(options);
    if (begins(RankPhase::files)) job.open();
    wait("directories");
    watch_->begin(RankPhase::text);
    job.run_text(share_);
    wait("text");
    watch_->begin(RankPhase::samples);
    job.run_shards(share_);
    wait("samples");
    line_.finish();
    if (begins(RankPhase::files)) report = job.finish();
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
    if (begins(RankPhase::corpus)) report = prepare_in_memory(options, vocabulary, progress());
    line_.finish();
    wait("samples");
    return report;
  }
  void wait(const char* what) {
    watch_->await();
    group_.control->barrier(what, kStageLimit);
  }
  bool agree(const char* what, bool is_so) {
    watch_->await();
    return group_.control->agree_max(what, is_so ? 1 : 0) > 0;
  }
  // What rank 0 does for all.
  bool begins(RankPhase phase) {
    if (leads()) watch_->begin(phase);
    return leads();
  }
  void say(const std::string& text) const {
    if (!leads()) return;
    fmt::print("{}", text);
    std::fflush(stdout);
  }
  std::filesystem::path directory(const char* name) const {
    return std::filesystem::path(config_.samples.out) / name;
  }
  // Of a vocabulary that is being learnt.
  std::filesystem::path words_directory() const { return directory("words.tmp-prepare"); }
  ProgressCallback progress() {
    return [this](const PrepareProgress& progress) {
      watch_->unit_done();
      if (fault_) meet_fault(*fault_, static_cast<std::int64_t>(watch_->units()));
      if (leads()) line_.show(progress);
    };
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

  // Pre-training that goes on from a model learns no vocabulary: its word vectors stand for its
  // own.
  void take_from(const SavedModel& start, const std::filesystem::path& path) {
    if (!start.vocabulary) {
      throw UsageError(
          fmt::format("model.from: {} has neither vocab.txt nor tokenizer.json; set "
                      "tokenizer.vocab to the vocabulary that it was trained with",
                      start.path));
    }
    if (leads()) {
      if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path());
      write_file_atomically(path, start.vocabulary->text());
    }
    wait("vocabulary");
  }

  void learn(const std::filesystem::path& path) {
    check_memory(prepare_options());  // now, not when the words have been counted
    say(fmt::format("vocabulary  learning {} entries from the text ...\n",
                    grouped(config_.tokenizer.learn.size)));
    const WordJob job(config_.corpus, config_.tokenizer.options, words_directory());
    if (begins(RankPhase::files)) job.open();
    wait("directories");
    watch_->begin(RankPhase::words);
    job.run(share_, text_threads(threads_, config_.samples.memory_bytes, config_.corpus.layout),
            progress());
    wait("words");
    line_.finish();
    if (begins(RankPhase::vocabulary)) {
      std::vector<WordCount> words = job.counts();
      const std::string fault = words.empty() ? job.first_fault() : "";
      if (!fault.empty()) {
        throw DataError(fmt::format("tokenizer.learn: the text holds not one word: {}", fault));
      }
      check_learning_memory(words, config_.samples.memory_bytes);
      const Vocabulary learnt =
          learn_vocabulary(std::move(words), config_.tokenizer.options, config_.tokenizer.learn);
      if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path());
      save_learnt_vocabulary(path, learnt, config_.tokenizer.options, config_.tokenizer.learn,
                             config_.corpus);
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
  std::optional<InjectedFault> fault_;
  std::optional<WorkWatch> watch_;  // ends first: what it watches is still there
};

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
    const std::vector<std::string> texts = expand_text_paths("corpus.text", config.corpus.text);
    check_outputs(config, texts);
    Preparation preparation(config, group, environment);
    if (preparation.leads()) print_repeated_texts(repeated_paths(texts));
    const Vocabulary vocabulary = preparation.vocabulary();
    const PrepareReport report = preparation.prepare(vocabulary);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    if (!preparation.leads()) return static_cast<int>(ExitCode::ok);
    print_prepare_report(report, seconds.count());
    const std::string limit = mask_limit_note(config.samples.max_length, config.samples.mask);
    if (!limit.empty()) fmt::print("note        {}\n", limit);
    if (options.show > 0) {
      print_samples(config, vocabulary, report, options.show);
    }
  } catch (const std::filesystem::filesystem_error& error) {
    throw IoError(fmt::format("prepare: {}", error.what()));
  }
  return static_cast<int>(ExitCode::ok);
}

}  // namespace bertyard
