// SPDX-License-Identifier: Apache-2.0
#include "data/prepare/word_job.h"

#include <algorithm>
#include <mutex>
#include <sstream>
#include <utility>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "data/files/checked_file.h"
#include "data/prepare/text_job.h"
#include "data/text/documents.h"
#include "data/worker_threads.h"

namespace bertyard {
namespace {

// Distinct words that a thread holds before it writes them out.
constexpr std::size_t kRunWords = std::size_t{1} << 18;
constexpr const char* kKeyFile = "key";
constexpr int kWorkVersion = 3;  // of the files in the directory
constexpr char kFaultMark = '!';

}  // namespace

WordJob::WordJob(const CorpusOptions& corpus, const TokenizerOptions& tokenizer,
                 std::filesystem::path directory)
    : corpus_(corpus),
      tokenizer_(tokenizer),
      directory_(std::move(directory)),
      units_(plan_text_units(corpus)),
      groups_(group_text_units(units_)) {}

std::string WordJob::key() const {
  StreamingHash hash;
  hash.update(reading_rules(corpus_));
  hash.update(fmt::format("{} {} {} {} {}", kWorkVersion, tokenizer_.lower_case,
                          tokenizer_.strip_accents.value_or(tokenizer_.lower_case),
                          tokenizer_.split_cjk, tokenizer_.max_word_characters));
  for (const TextUnit& unit : units_) hash.update(identity_of(unit));
  return hash_text(hash.digest());
}

void WordJob::open() const {
  if (read_checked(directory_ / kKeyFile) == key()) return;
  std::filesystem::remove_all(directory_);
  std::filesystem::create_directories(directory_);
  write_checked(directory_ / kKeyFile, key());
}

void WordJob::close() const {
  std::filesystem::remove_all(directory_);
}

std::filesystem::path WordJob::record_path(std::size_t group) const {
  return directory_ / fmt::format("words-{:06}.done", group);
}

// Writes the runs of a group, then the record that names them: a line "name bytes hash" each, and
// at the end the first line of the text that could not be used.
void WordJob::count(std::size_t group) const {
  DocumentReader reader(corpus_, units_in(units_, groups_[group]));
  WordCounter counter(tokenizer_);
  Document document;
  std::string record;
  int runs = 0;
  const auto write_run = [&] {
    const std::string name = fmt::format("words-{:06}-{}.run", group, runs++);
    const WordRun run = write_word_run(directory_ / name, counter.counts());
    record += fmt::format("{} {} {}\n", name, run.bytes, hash_text(run.hash));
    counter.clear();
  };
  while (reader.next(document)) {
    for (const std::string& sentence : document.sentences) counter.add(sentence);
    if (counter.size() >= kRunWords) write_run();
  }
  write_run();
  if (!reader.faults().empty()) {
    record += kFaultMark + to_text(reader.faults().front()) + '\n';
  }
  write_checked(record_path(group), record);
}

std::optional<std::vector<WordJob::NamedRun>> WordJob::runs_of(std::size_t group) const {
  const auto record = read_checked(record_path(group));
  if (!record) return std::nullopt;
  std::vector<NamedRun> runs;
  std::istringstream lines(*record);
  NamedRun named;
  for (std::string line; std::getline(lines, line) && line.front() != kFaultMark;) {
    std::string name, hash;
    std::istringstream(line) >> name >> named.run.bytes >> hash;
    named.path = directory_ / name;
    named.run.hash = parse_hash(hash);
    runs.push_back(named);
  }
  return runs;
}

bool WordJob::is_done(std::size_t group) const {
  const auto runs = runs_of(group);
  return runs && std::all_of(runs->begin(), runs->end(), [](const NamedRun& named) {
           return is_word_run(named.path, named.run);
         });
}

void WordJob::run(WorkShare share, int threads, const ProgressCallback& progress) const {
  const std::vector<std::size_t> mine = share.of(groups_.size());
  PrepareProgress reported{"words", 0, 0};
  for (const std::size_t group : mine) reported.total += byte_count(units_, groups_[group]);
  std::mutex reporting;
  run_tasks(threads, mine.size(), [&](int, std::size_t i) {
    if (!is_done(mine[i])) count(mine[i]);
    const std::lock_guard lock(reporting);
    reported.done += byte_count(units_, groups_[mine[i]]);
    if (progress) progress(reported);
  });
}

std::string WordJob::first_fault() const {
  for (std::size_t group = 0; group < groups_.size(); ++group) {
    const std::string record = read_checked(record_path(group)).value_or("");
    const std::size_t mark = record.find(kFaultMark);
    if (mark != std::string::npos) return record.substr(mark + 1, record.size() - mark - 2);
  }
  return {};
}

std::vector<WordCount> WordJob::counts() const {
  std::vector<std::filesystem::path> runs;
  for (std::size_t group = 0; group < groups_.size(); ++group) {
    const auto of_group = runs_of(group);
    if (!of_group) {
      throw DataError(
          fmt::format("{}: missing or damaged; run prepare again", record_path(group).string()));
    }
    for (const NamedRun& named : *of_group) runs.push_back(named.path);
  }
  FrequentWords words(kLearnedWords);
  merge_word_runs(runs, directory_,
                  [&](std::string_view word, std::uint64_t count) { words.add(word, count); });
  return words.take();
}

void FrequentWords::add(std::string_view word, std::uint64_t count) {
  words_.push_back({std::string(word), count});
  if (words_.size() >= 2 * limit_) prune();
}

void FrequentWords::prune() {
  if (words_.size() <= limit_) return;
  const auto more_frequent = [](const WordCount& a, const WordCount& b) {
    return a.count != b.count ? a.count > b.count : a.word < b.word;
  };
  std::nth_element(words_.begin(), words_.begin() + static_cast<std::ptrdiff_t>(limit_),
                   words_.end(), more_frequent);
  words_.resize(limit_);
}

std::vector<WordCount> FrequentWords::take() {
  prune();
  std::sort(words_.begin(), words_.end(),
            [](const WordCount& a, const WordCount& b) { return a.word < b.word; });
  return std::move(words_);
}

}  // namespace bertyard
