// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <numeric>
#include <thread>

#include <fmt/format.h>
#include <mpi.h>

#include "parallel/mpi_parts.h"

namespace bertyard {
namespace {

// Memory and requests of one agreement. Shared by the caller and the MPI thread: when the caller's
// time is up, MPI may still hold on to them.
struct Exchange {
  std::atomic<bool> given_up{false};
  std::int64_t value = 0;
  std::int64_t greatest = 0;
  std::string own;
  int own_length = 0;
  std::vector<int> lengths;
  std::vector<int> offsets;
  std::string all;
  std::vector<MPI_Request> requests;
  std::vector<int> missing;  // by rank, on rank 0, when a barrier was given up
};
using SharedExchange = std::shared_ptr<Exchange>;

// Polls until all requests are done or the caller has given up; false: given up.
bool poll(Exchange& exchange) {
  for (int round = 0;; ++round) {
    int done = 0;
    check_mpi(MPI_Testall(static_cast<int>(exchange.requests.size()), exchange.requests.data(),
                          &done, MPI_STATUSES_IGNORE),
              "MPI_Testall");
    if (done != 0) return true;
    if (exchange.given_up) return false;
    if (round < 200) {
      std::this_thread::yield();
    } else {
      std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
  }
}

void exchange_greatest(Exchange& exchange, MPI_Comm world) {
  exchange.requests.resize(1);
  check_mpi(MPI_Iallreduce(&exchange.value, &exchange.greatest, 1, MPI_INT64_T, MPI_MAX, world,
                           exchange.requests.data()),
            "MPI_Iallreduce");
  poll(exchange);
}

void exchange_texts(Exchange& exchange, MPI_Comm world, int size) {
  exchange.own_length = static_cast<int>(exchange.own.size());
  exchange.lengths.resize(static_cast<std::size_t>(size));
  exchange.offsets.resize(exchange.lengths.size());
  exchange.requests.resize(1);
  check_mpi(MPI_Iallgather(&exchange.own_length, 1, MPI_INT, exchange.lengths.data(), 1, MPI_INT,
                           world, exchange.requests.data()),
            "MPI_Iallgather");
  if (!poll(exchange)) return;
  std::exclusive_scan(exchange.lengths.begin(), exchange.lengths.end(), exchange.offsets.begin(),
                      0);
  exchange.all.resize(static_cast<std::size_t>(exchange.offsets.back()) +
                      static_cast<std::size_t>(exchange.lengths.back()));
  check_mpi(MPI_Iallgatherv(exchange.own.data(), exchange.own_length, MPI_CHAR, exchange.all.data(),
                            exchange.lengths.data(), exchange.offsets.data(), MPI_CHAR, world,
                            exchange.requests.data()),
            "MPI_Iallgatherv");
  poll(exchange);
}

// Everyone reports to rank 0, which lets all go: unlike MPI_Ibarrier this shows who is missing.
void exchange_reports(Exchange& exchange, MPI_Comm world, int rank, int size) {
  constexpr int kReport = 1;
  constexpr int kRelease = 2;
  const auto post = [&](auto call, int peer, int tag) {
    exchange.requests.emplace_back(MPI_REQUEST_NULL);
    check_mpi(call(nullptr, 0, MPI_CHAR, peer, tag, world, &exchange.requests.back()),
              "MPI_Isend or MPI_Irecv");
  };
  if (rank != 0) {
    post(MPI_Isend, 0, kReport);
    post(MPI_Irecv, 0, kRelease);
    poll(exchange);
    return;
  }
  for (int peer = 1; peer < size; ++peer) post(MPI_Irecv, peer, kReport);
  if (poll(exchange)) {
    exchange.requests.clear();
    for (int peer = 1; peer < size; ++peer) post(MPI_Isend, peer, kRelease);
    poll(exchange);
    return;
  }
  for (int peer = 1; peer < size; ++peer) {
    int here = 0;
    check_mpi(
        MPI_Test(&exchange.requests[static_cast<std::size_t>(peer - 1)], &here, MPI_STATUS_IGNORE),
        "MPI_Test");
    if (here == 0) exchange.missing.push_back(peer);
  }
}

// Agreements by nonblocking MPI on a communicator of their own, polled by the MPI thread so that
// the caller's time limit holds even when that thread is stuck in a collective.
class MpiControlPlane final : public ControlPlane {
 public:
  using Parking = std::vector<SharedExchange>;

  MpiControlPlane(const MpiWorld::Place& place, JobQueue& mpi_thread, MPI_Comm world,
                  std::shared_ptr<Parking> parking)
      : ControlPlane(place.rank, place.size),
        hosts_(place.hosts),
        mpi_thread_(mpi_thread),
        world_(world),
        parking_(std::move(parking)) {}

 private:
  std::int64_t max_over_ranks(std::string_view what, std::int64_t value, Seconds limit) override {
    const auto exchange = std::make_shared<Exchange>();
    exchange->value = value;
    run(what, limit, exchange, [=, world = world_] { exchange_greatest(*exchange, world); });
    return exchange->greatest;
  }

  std::vector<std::string> strings_of_ranks(std::string_view what, std::string_view value,
                                            Seconds limit) override {
    const auto exchange = std::make_shared<Exchange>();
    exchange->own = value;
    run(what, limit, exchange,
        [=, world = world_, size = size()] { exchange_texts(*exchange, world, size); });
    std::vector<std::string> texts;
    for (std::size_t rank = 0; rank < exchange->lengths.size(); ++rank) {
      texts.push_back(exchange->all.substr(static_cast<std::size_t>(exchange->offsets[rank]),
                                           static_cast<std::size_t>(exchange->lengths[rank])));
    }
    return texts;
  }

  void wait_for_all(std::string_view what, Seconds limit) override {
    const auto exchange = std::make_shared<Exchange>();
    run(what, limit, exchange, [=, world = world_, rank = rank(), size = size()] {
      exchange_reports(*exchange, world, rank, size);
    });
  }

  // Runs `job` on the MPI thread; gives it up and throws when the limit is reached.
  void run(std::string_view what, Seconds limit, const SharedExchange& exchange,
           std::function<void()> job) {
    std::future<void> done =
        mpi_thread_.submit([exchange, job = std::move(job), parking = parking_] {
          if (exchange->given_up) return;
          job();
          if (exchange->given_up) parking->push_back(exchange);
        });
    if (done.wait_for(limit) == std::future_status::ready) return done.get();
    exchange->given_up = true;
    // Normally the MPI thread answers at once with who is missing; not when it is stuck elsewhere.
    const bool answered =
        done.wait_for(std::chrono::milliseconds(500)) == std::future_status::ready;
    std::vector<std::string> missing;
    if (answered) {
      for (const int absent : exchange->missing) {
        missing.push_back(
            fmt::format("rank {} on {}", absent, hosts_[static_cast<std::size_t>(absent)]));
      }
    }
    throw_expired(what, limit, missing);
  }

  std::vector<std::string> hosts_;
  JobQueue& mpi_thread_;
  MPI_Comm world_;
  std::shared_ptr<Parking> parking_;
};

}  // namespace

std::unique_ptr<ControlPlane> make_mpi_control_plane(
    const MpiWorld::Place& place, JobQueue& mpi_thread,
    std::vector<std::function<void()>>& at_finalize) {
  MPI_Comm world = MPI_COMM_NULL;
  mpi_thread.run([&world] {
    check_mpi(MPI_Comm_dup(MPI_COMM_WORLD, &world), "MPI_Comm_dup");
    check_mpi(MPI_Comm_set_errhandler(world, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  });
  // What was given up lives as long as MPI may touch it.
  auto parking = std::make_shared<MpiControlPlane::Parking>();
  at_finalize.emplace_back([world, parking]() mutable {
    if (parking->empty()) check_mpi(MPI_Comm_free(&world), "MPI_Comm_free");
  });
  return std::make_unique<MpiControlPlane>(place, mpi_thread, world, std::move(parking));
}

}  // namespace bertyard
