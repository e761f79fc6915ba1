// SPDX-License-Identifier: Apache-2.0
#include "data/batches/batch_stream.h"

#include <chrono>
#include <condition_variable>
#include <exception>
#include <map>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include "data/batches/step_builder.h"

namespace bertyard {

// Threads take step numbers in turn and leave what they made under the number; the consumer takes
// the numbers in order. At most `prefetch` steps are made or waiting.
class BatchStream::Prefetcher {
 public:
  Prefetcher(const SampleSource& source, const Masker* masker, const BatchStreamOptions& options)
      : builder_(source, masker, options), prefetch_(static_cast<std::uint64_t>(options.prefetch)) {
    for (int i = 0; i < options.threads; ++i) {
      threads_.emplace_back([this](const std::stop_token& stop) { work(stop); });
    }
  }

  std::optional<StepBatches> next() {
    const auto begin = std::chrono::steady_clock::now();
    std::unique_lock lock(mutex_);
    made_.wait(lock, [&] { return results_.contains(to_give_); });
    waited_ += std::chrono::steady_clock::now() - begin;
    Result& result = results_.at(to_give_);
    // The end, and an error, stay: asking again gets the same answer.
    if (result.error) std::rethrow_exception(result.error);
    if (!result.step) return std::nullopt;
    std::optional<StepBatches> step = std::move(result.step);
    results_.erase(to_give_++);
    room_.notify_all();
    return step;
  }

  double waited_seconds() const {
    const std::lock_guard lock(mutex_);
    return waited_.count();
  }

 private:
  struct Result {
    std::optional<StepBatches> step;
    std::exception_ptr error;
  };

  void work(const std::stop_token& stop) {
    while (true) {
      std::unique_lock lock(mutex_);
      const bool go = room_.wait(lock, stop, [&] { return to_make_ < to_give_ + prefetch_; });
      if (!go || stop.stop_requested()) return;
      const std::uint64_t number = to_make_++;
      lock.unlock();
      Result result = make(number);
      lock.lock();
      results_.emplace(number, std::move(result));
      made_.notify_all();
    }
  }

  Result make(std::uint64_t number) const {
    Result result;
    try {
      result.step = builder_.build(number);
    } catch (...) {
      result.error = std::current_exception();
    }
    return result;
  }

  StepBuilder builder_;
  std::uint64_t prefetch_;
  mutable std::mutex mutex_;
  std::condition_variable_any room_;
  std::condition_variable_any made_;
  std::map<std::uint64_t, Result> results_;
  std::uint64_t to_make_ = 0;
  std::uint64_t to_give_ = 0;
  std::chrono::duration<double> waited_{0};
  std::vector<std::jthread> threads_;  // last: stops before what it uses goes
};

BatchStream::BatchStream(const SampleSource& source, const Masker* masker,
                         const BatchStreamOptions& options)
    : prefetcher_(std::make_unique<Prefetcher>(source, masker, options)) {}
BatchStream::~BatchStream() = default;

std::optional<StepBatches> BatchStream::next() {
  return prefetcher_->next();
}
double BatchStream::waited_seconds() const {
  return prefetcher_->waited_seconds();
}

}  // namespace bertyard
