// SPDX-License-Identifier: Apache-2.0
#include "parallel/thread_group.h"

#include <algorithm>
#include <exception>
#include <mutex>
#include <thread>

#include <fmt/format.h>

#include "core/base/error.h"
#include "parallel/thread_communicator.h"
#include "parallel/thread_rendezvous.h"

namespace bertyard {
namespace {

struct ControlExchange {
  explicit ControlExchange(int size) : rendezvous(size), texts(static_cast<std::size_t>(size)) {}
  ThreadRendezvous rendezvous;
  std::vector<std::string> texts;
};

class ThreadControlPlane final : public ControlPlane {
 public:
  ThreadControlPlane(int rank, int size, ControlExchange& exchange)
      : ControlPlane(rank, size), exchange_(exchange) {}

 private:
  std::int64_t max_over_ranks(std::string_view what, std::int64_t value, Seconds limit) override {
    std::int64_t greatest = value;
    for (const std::string& text : strings_of_ranks(what, std::to_string(value), limit)) {
      greatest = std::max<std::int64_t>(greatest, std::stoll(text));
    }
    return greatest;
  }
  std::vector<std::string> strings_of_ranks(std::string_view what, std::string_view value,
                                            Seconds limit) override {
    exchange_.texts[static_cast<std::size_t>(rank())] = value;
    wait_for_all(what, limit);
    std::vector<std::string> texts = exchange_.texts;
    wait_for_all(what, limit);
    return texts;
  }
  void wait_for_all(std::string_view what, Seconds limit) override {
    const auto deadline = ThreadRendezvous::Clock::now() +
                          std::chrono::duration_cast<ThreadRendezvous::Clock::duration>(limit);
    if (exchange_.rendezvous.meet(rank(), deadline)) return;
    std::vector<std::string> missing;
    for (const int absent : exchange_.rendezvous.missing()) {
      missing.push_back(fmt::format("rank {}", absent));
    }
    throw_expired(what, limit, missing);
  }

  ControlExchange& exchange_;
};

}  // namespace

struct ThreadGroup::Shared {
  explicit Shared(int size) : bulk(size), control(size) {}
  ThreadExchange bulk;
  ControlExchange control;
  std::mutex mutex;
  std::exception_ptr first_failure;
};

struct ThreadGroup::Rank {
  Rank(int rank, int size, Shared& shared)
      : communicator(rank, size, shared.bulk), control(rank, size, shared.control) {}
  ThreadCommunicator communicator;
  ThreadControlPlane control;
};

ThreadGroup::ThreadGroup(int size) {
  BERTYARD_CHECK(size > 0, fmt::format("thread group: {} ranks; at least 1 is needed", size));
  shared_ = std::make_unique<Shared>(size);
  for (int rank = 0; rank < size; ++rank) {
    ranks_.push_back(std::make_unique<Rank>(rank, size, *shared_));
  }
}

ThreadGroup::~ThreadGroup() {
  // Wakes collectives that not every rank has joined, so that their threads can end.
  shared_->bulk.rendezvous.fail("closed");
}

Communicator& ThreadGroup::communicator(int rank) {
  return ranks_.at(static_cast<std::size_t>(rank))->communicator;
}

ControlPlane& ThreadGroup::control_plane(int rank) {
  return ranks_.at(static_cast<std::size_t>(rank))->control;
}

void ThreadGroup::run(const std::function<void(Communicator&, ControlPlane&)>& body) {
  const auto run_rank = [&](Rank& rank) {
    try {
      body(rank.communicator, rank.control);
    } catch (...) {
      const std::scoped_lock lock(shared_->mutex);
      if (!shared_->first_failure) shared_->first_failure = std::current_exception();
      const std::string reason = fmt::format("rank {} failed", rank.communicator.rank());
      shared_->bulk.rendezvous.fail(reason);
      shared_->control.rendezvous.fail(reason);
    }
  };
  std::vector<std::thread> threads;
  for (const auto& rank : ranks_) threads.emplace_back([&run_rank, &rank] { run_rank(*rank); });
  for (std::thread& thread : threads) thread.join();
  if (shared_->first_failure) std::rethrow_exception(shared_->first_failure);
}

}  // namespace bertyard
