// SPDX-License-Identifier: Apache-2.0
#include "data/tokenizer/word_runs.h"

#include <algorithm>
#include <charconv>
#include <memory>
#include <queue>
#include <span>
#include <string>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "data/files/checked_file.h"
#include "data/text/text_file.h"

namespace bertyard {
namespace {

constexpr std::size_t kRunsAtOnce = 64;
constexpr std::size_t kBufferBytes = std::size_t{1} << 18;

// Writes lines through a buffer.
class RunWriter {
 public:
  explicit RunWriter(const std::filesystem::path& path) : file_(path) {}

  void add(std::string_view word, std::uint64_t count) {
    buffer_ += word;
    buffer_ += ' ';
    buffer_ += fmt::format_int(count).c_str();
    buffer_ += '\n';
    if (buffer_.size() >= kBufferBytes) flush();
  }
  WordRun finish() {
    flush();
    const WordRun run{file_.size(), hash_.digest()};
    file_.close();
    return run;
  }

 private:
  void flush() {
    file_.append(std::as_bytes(std::span(buffer_)));
    hash_.update(buffer_);
    buffer_.clear();
  }

  WorkFile file_;
  StreamingHash hash_;
  std::string buffer_;
};

// The head of a run.
class RunReader {
 public:
  explicit RunReader(const std::filesystem::path& path) : lines_(path.string()) {}

  bool next() {
    std::string_view line;
    if (!lines_.next(line)) return false;
    const std::size_t space = line.rfind(' ');
    const char* end = line.data() + line.size();
    const auto parsed = space == std::string_view::npos
                            ? std::from_chars_result{line.data(), std::errc::invalid_argument}
                            : std::from_chars(line.data() + space + 1, end, count_);
    if (parsed.ec != std::errc() || parsed.ptr != end) {
      throw DataError(fmt::format("{}:{}: no word and count; run prepare again", lines_.path(),
                                  lines_.line_number()));
    }
    word_.assign(line.substr(0, space));
    return true;
  }
  const std::string& word() const { return word_; }
  std::uint64_t count() const { return count_; }

 private:
  LineReader lines_;
  std::string word_;
  std::uint64_t count_ = 0;
};

void merge(std::span<const std::filesystem::path> runs,
           const std::function<void(std::string_view, std::uint64_t)>& sink) {
  std::vector<std::unique_ptr<RunReader>> readers;
  const auto comes_later = [&](std::size_t a, std::size_t b) {
    return readers[a]->word() > readers[b]->word();
  };
  std::priority_queue<std::size_t, std::vector<std::size_t>, decltype(comes_later)> queue(
      comes_later);
  for (const std::filesystem::path& path : runs) {
    readers.push_back(std::make_unique<RunReader>(path));
    if (readers.back()->next()) queue.push(readers.size() - 1);
  }
  std::string word;
  std::uint64_t count = 0;
  while (!queue.empty()) {
    const std::size_t first = queue.top();
    queue.pop();
    if (readers[first]->word() != word) {
      if (count > 0) sink(word, count);
      word = readers[first]->word();
      count = 0;
    }
    count += readers[first]->count();
    if (readers[first]->next()) queue.push(first);
  }
  if (count > 0) sink(word, count);
}

}  // namespace

WordRun write_word_run(const std::filesystem::path& path, const std::vector<WordCount>& words) {
  RunWriter run(path);
  for (const WordCount& word : words) run.add(word.word, word.count);
  return run.finish();
}

bool is_word_run(const std::filesystem::path& path, const WordRun& run) {
  std::error_code error;
  if (std::filesystem::file_size(path, error) != run.bytes || error) return false;
  return hash_range(path, 0, run.bytes) == run.hash;
}

void merge_word_runs(std::vector<std::filesystem::path> runs,
                     const std::filesystem::path& directory,
                     const std::function<void(std::string_view, std::uint64_t)>& sink) {
  for (int round = 0; runs.size() > kRunsAtOnce; ++round) {
    std::vector<std::filesystem::path> merged;
    for (std::size_t begin = 0; begin < runs.size(); begin += kRunsAtOnce) {
      const std::size_t size = std::min(kRunsAtOnce, runs.size() - begin);
      merged.push_back(directory / fmt::format("merged-{}-{:06}.run", round, merged.size()));
      RunWriter run(merged.back());
      merge(std::span(runs).subspan(begin, size),
            [&](std::string_view word, std::uint64_t count) { run.add(word, count); });
      run.finish();
    }
    runs = std::move(merged);
  }
  merge(runs, sink);
}

}  // namespace bertyard
