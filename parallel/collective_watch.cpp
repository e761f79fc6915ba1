// SPDX-License-Identifier: Apache-2.0
#include "parallel/collective_watch.h"

#include <exception>

#include <fmt/format.h>

#include "core/base/error.h"

namespace bertyard {
namespace {

constexpr std::chrono::milliseconds kInterval{100};

}  // namespace

CollectiveWatch::CollectiveWatch(ControlPlane::Seconds limit, std::function<std::string()> failure,
                                 std::function<void()> abort)
    : limit_(limit),
      failure_(std::move(failure)),
      abort_(std::move(abort)),
      thread_([this] { work(); }) {}

CollectiveWatch::~CollectiveWatch() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void CollectiveWatch::add(std::string what, std::function<bool()> done) {
  const std::lock_guard lock(mutex_);
  collectives_.push_back({std::move(what), std::move(done),
                          Clock::now() + std::chrono::duration_cast<Clock::duration>(limit_)});
}

void CollectiveWatch::check() const {
  const std::lock_guard lock(mutex_);
  if (!reason_.empty()) throw EnvironmentError(reason_);
}

bool CollectiveWatch::failed() const {
  const std::lock_guard lock(mutex_);
  return !reason_.empty();
}

// Empty while all is well. They run in the order of the calls, so the first not done is looked at.
std::string CollectiveWatch::trouble() {
  const std::string failure = failure_();
  if (!failure.empty()) return failure;
  while (!collectives_.empty() && collectives_.front().done()) collectives_.pop_front();
  if (collectives_.empty() || Clock::now() < collectives_.front().deadline) return {};
  return fmt::format(
      "communicator: {} was not done after {:.0f} s; a rank has stopped or makes other calls: look "
      "at the end of the other ranks' logs",
      collectives_.front().what, limit_.count());
}

void CollectiveWatch::work() {
  std::unique_lock lock(mutex_);
  while (!changed_.wait_for(lock, kInterval, [this] { return stopping_; })) {
    try {
      reason_ = trouble();
    } catch (const std::exception& error) {  // a device in trouble answers no question
      reason_ = error.what();
    }
    if (reason_.empty()) continue;
    lock.unlock();  // an abort may wait for graphs, whose owner learns the reason from check()
    abort_();
    return;
  }
}

}  // namespace bertyard
