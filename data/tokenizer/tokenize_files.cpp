// SPDX-License-Identifier: Apache-2.0
#include "data/tokenizer/tokenize_files.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <span>

#include <fmt/format.h>

#include "core/base/hash.h"
#include "data/text/json_line.h"
#include "data/text/text_paths.h"
#include "data/tokenizer/encoding_lines.h"
#include "data/tokenizer/line_batches.h"
#include "data/worker_threads.h"

namespace bertyard {
namespace {

constexpr std::size_t kNamedFaults = 10;
constexpr std::uint32_t kEndOfText = 0xFFFFFFFFu;

// What one batch became.
struct BatchResult {
  std::string lines;
  std::vector<std::uint32_t> ids;
  TokenizeFilesReport counts;
};

// One thread's tools.
class BatchWorker {
 public:
  BatchWorker(const TokenizeFilesOptions& options, const Tokenizer& tokenizer,
              const EncodingLines& json, std::uint32_t unknown)
      : options_(options),
        tokenizer_(tokenizer),
        json_(json),
        unknown_(unknown),
        json_line_(options.field) {}

  void run(const LineBatch& batch, BatchResult& result) {
    result = {};
    for (std::size_t i = 0; i < batch.ends.size(); ++i) {
      const std::optional<std::string_view> text = text_of(batch, i, result);
      if (!text) {
        if (options_.lines_wanted) result.lines += "null\n";
        continue;
      }
      add(*text, result);
    }
  }

 private:
  std::optional<std::string_view> text_of(const LineBatch& batch, std::size_t index,
                                          BatchResult& result) {
    if (std::binary_search(batch.too_long.begin(), batch.too_long.end(), index)) {
      const std::size_t most = options_.max_line_bytes() >> 20;
      add_fault(batch, index, fmt::format("is longer than {} MiB", most), result);
      return std::nullopt;
    }
    std::string_view line = batch.line(index);
    if (!is_ascii(line)) {
      valid_.clear();
      result.counts.invalid_utf8 += append_valid_utf8(line, valid_);
      line = valid_;
    }
    if (options_.field.empty()) return line;
    if (json_line_.parse(line)) return json_line_.text();
    add_fault(batch, index, json_line_.fault(), result);
    return std::nullopt;
  }

  static void add_fault(const LineBatch& batch, std::size_t index, std::string_view what,
                        BatchResult& result) {
    ++result.counts.bad_lines;
    if (result.counts.faults.size() == kNamedFaults) return;
    result.counts.faults.push_back(
        fmt::format("{}:{}: the line {}", *batch.file, batch.first_line + index, what));
  }

  void add(std::string_view text, BatchResult& result) {
    TokenizeFilesReport& counts = result.counts;
    if (options_.lines_wanted) {
      tokenizer_.encode(text, encoding_);
      if (options_.offsets == OffsetUnit::characters) {
        count_in_characters(text, encoding_.spans, before_);
      }
      json_.write(encoding_, result.lines);
    } else {
      encoding_.clear();
      tokenizer_.tokenize(text, encoding_.ids);
    }
    ++counts.texts;
    counts.bytes += text.size();
    counts.tokens += encoding_.ids.size();
    counts.unknown += static_cast<std::uint64_t>(
        std::count(encoding_.ids.begin(), encoding_.ids.end(), unknown_));
    result.ids.insert(result.ids.end(), encoding_.ids.begin(), encoding_.ids.end());
    result.ids.push_back(kEndOfText);
  }

  const TokenizeFilesOptions& options_;
  TokenizerWorker tokenizer_;
  const EncodingLines& json_;
  std::uint32_t unknown_;
  JsonLine json_line_;
  std::string valid_;
  Encoding encoding_;
  std::vector<std::uint32_t> before_;
};

// Hands batches to the threads and takes the results back in order.
class BatchQueue {
 public:
  BatchQueue(const TokenizeFilesOptions& options,
             const std::function<void(std::string_view)>& write)
      : reader_(expand_text_paths("files", options.files), options.max_line_bytes()),
        write_(write) {}

  // Each thread's loop.
  void work(BatchWorker& worker) {
    LineBatch batch;
    BatchResult result;
    while (const auto number = take(batch)) {
      try {
        worker.run(batch, result);
      } catch (...) {
        stop();
        throw;
      }
      if (!give(*number, result)) return;
    }
  }

  TokenizeFilesReport report() const {
    TokenizeFilesReport report = report_;
    report.hash = hash_.digest();
    return report;
  }

 private:
  std::optional<std::uint64_t> take(LineBatch& batch) {
    const std::lock_guard lock(reading_);
    if (stopped_) return std::nullopt;
    try {
      if (!reader_.next(batch)) return std::nullopt;
    } catch (...) {
      stop();
      throw;
    }
    return taken_++;
  }

  // False when another thread failed.
  bool give(std::uint64_t number, const BatchResult& result) {
    std::unique_lock lock(writing_);
    turn_.wait(lock, [&] { return stopped_ || given_ == number; });
    if (stopped_) return false;
    add(result);
    try {
      if (!result.lines.empty()) write_(result.lines);
    } catch (...) {
      lock.unlock();
      stop();
      throw;
    }
    ++given_;
    turn_.notify_all();
    return true;
  }

  void add(const BatchResult& result) {
    hash_.update(std::as_bytes(std::span(result.ids)));
    const TokenizeFilesReport& counts = result.counts;
    report_.texts += counts.texts;
    report_.bytes += counts.bytes;
    report_.tokens += counts.tokens;
    report_.unknown += counts.unknown;
    report_.invalid_utf8 += counts.invalid_utf8;
    report_.bad_lines += counts.bad_lines;
    for (const std::string& fault : counts.faults) {
      if (report_.faults.size() < kNamedFaults) report_.faults.push_back(fault);
    }
  }

  void stop() {
    const std::lock_guard lock(writing_);
    stopped_ = true;
    turn_.notify_all();
  }

  BatchReader reader_;
  const std::function<void(std::string_view)>& write_;
  std::mutex reading_;
  std::uint64_t taken_ = 0;
  std::mutex writing_;
  std::condition_variable turn_;
  std::uint64_t given_ = 0;
  std::atomic<bool> stopped_ = false;
  StreamingHash hash_;
  TokenizeFilesReport report_;
};

}  // namespace

TokenizeFilesReport tokenize_files(const TokenizeFilesOptions& options, const Tokenizer& tokenizer,
                                   const Vocabulary& vocabulary,
                                   const std::function<void(std::string_view)>& write) {
  const EncodingLines json(vocabulary);
  BatchQueue queue(options, write);
  run_threads(options.threads, [&](int) {
    BatchWorker worker(options, tokenizer, json, vocabulary.special().unknown);
    queue.work(worker);
  });
  return queue.report();
}

}  // namespace bertyard
