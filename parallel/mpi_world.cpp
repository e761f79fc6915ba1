// SPDX-License-Identifier: Apache-2.0
#include "parallel/mpi_world.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>

#include <fmt/format.h>
#include <mpi.h>

#include "core/base/error.h"
#include "parallel/mpi_parts.h"
#include "parallel/single_communicator.h"

namespace bertyard {
namespace {

std::vector<std::string> hosts_of_ranks(int size) {
  std::array<char, MPI_MAX_PROCESSOR_NAME> own{};
  int length = 0;
  check_mpi(MPI_Get_processor_name(own.data(), &length), "MPI_Get_processor_name");
  std::vector<char> all(own.size() * static_cast<std::size_t>(size));
  check_mpi(MPI_Allgather(own.data(), MPI_MAX_PROCESSOR_NAME, MPI_CHAR, all.data(),
                          MPI_MAX_PROCESSOR_NAME, MPI_CHAR, MPI_COMM_WORLD),
            "MPI_Allgather");
  std::vector<std::string> hosts;
  for (std::size_t at = 0; at < all.size(); at += own.size()) hosts.emplace_back(&all[at]);
  return hosts;
}

MpiWorld::Place find_place() {
  MpiWorld::Place place;
  check_mpi(MPI_Comm_rank(MPI_COMM_WORLD, &place.rank), "MPI_Comm_rank");
  check_mpi(MPI_Comm_size(MPI_COMM_WORLD, &place.size), "MPI_Comm_size");
  MPI_Comm node = MPI_COMM_NULL;
  check_mpi(
      MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, place.rank, MPI_INFO_NULL, &node),
      "MPI_Comm_split_type");
  check_mpi(MPI_Comm_rank(node, &place.local_rank), "MPI_Comm_rank");
  check_mpi(MPI_Comm_size(node, &place.local_size), "MPI_Comm_size");
  check_mpi(MPI_Comm_free(&node), "MPI_Comm_free");
  place.hosts = hosts_of_ranks(place.size);
  return place;
}

void initialize() {
  // This program says what went wrong; Open MPI's page about MPI_ABORT would follow it. A variable
  // that is set already wins.
  setenv("OMPI_MCA_orte_execute_quiet", "1", 0);
  int provided = MPI_THREAD_SINGLE;
  check_mpi(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &provided), "MPI_Init_thread");
  if (provided < MPI_THREAD_SERIALIZED) {
    throw EnvironmentError(fmt::format(
        "mpi: this MPI library has no thread support (level {} of {}); use a build of it that "
        "provides MPI_THREAD_SERIALIZED",
        provided, MPI_THREAD_SERIALIZED));
  }
  check_mpi(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
}

// Signs the roll call when MPI takes its time, as every rank does that waits there; throws, after
// `give_up`, when the limit is reached.
void wait_for_start(const std::future<void>& started, const WorldStart& start,
                    const std::function<void()>& give_up) {
  using Seconds = std::chrono::duration<double>;
  const Seconds patience = std::min(start.limit / 4, Seconds(5));
  if (started.wait_for(patience) == std::future_status::ready) return;
  if (start.roll_call) start.roll_call->sign();
  const bool in_time = started.wait_for(start.limit - patience) == std::future_status::ready;
  if (in_time) {
    if (start.roll_call) start.roll_call->leave();
    return;
  }
  const double limit = start.limit.count();
  const std::string who = start.roll_call
                              ? start.roll_call->report(limit)
                              : fmt::format("MPI did not join the ranks in {:g} s", limit);
  if (start.roll_call) start.roll_call->give_up();
  give_up();
  throw EnvironmentError(
      fmt::format("start-up: {} (parallel.start_timeout)\n  fix: look at the missing rank's host "
                  "and log; where none is missing, at the network: 'bertyard doctor', and "
                  "OMPI_MCA_btl_tcp_if_include where hosts have several networks",
                  who));
}

}  // namespace

bool built_with_mpi() {
  return true;
}

std::string mpi_library() {
  std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
  int length = 0;
  check_mpi(MPI_Get_library_version(text.data(), &length), "MPI_Get_library_version");
  return {text.data(), static_cast<std::size_t>(length)};
}

void check_mpi(int code, const char* call) {
  if (code == MPI_SUCCESS) return;
  std::array<char, MPI_MAX_ERROR_STRING> text{};
  int length = 0;
  MPI_Error_string(code, text.data(), &length);
  throw EnvironmentError(fmt::format(
      "mpi: {} failed: {}", call, std::string_view(text.data(), static_cast<std::size_t>(length))));
}

MpiWorld::MpiWorld(const WorldStart& start) : mpi_thread_(std::make_unique<JobQueue>()) {
  const auto place = std::make_shared<Place>();  // outlives this object where MPI hangs
  std::future<void> started = mpi_thread_->submit([place] {
    initialize();
    *place = find_place();
  });
  wait_for_start(started, start, [this] { static_cast<void>(mpi_thread_.release()); });
  started.get();
  place_ = *place;
}

MpiWorld::~MpiWorld() = default;

std::unique_ptr<Communicator> MpiWorld::make_communicator(NodeSums node_sums) {
  if (place_.size == 1) return std::make_unique<SingleCommunicator>();
  return make_mpi_communicator(place_, node_sums, *mpi_thread_, at_finalize_);
}

std::unique_ptr<Communicator> MpiWorld::make_communicator(const Place& place) {
  return make_mpi_communicator(place, NodeSums::shared_memory, *mpi_thread_, at_finalize_);
}

std::unique_ptr<ControlPlane> MpiWorld::make_control_plane() {
  if (place_.size == 1) return std::make_unique<SingleControlPlane>();
  return make_mpi_control_plane(place_, *mpi_thread_, at_finalize_);
}

void MpiWorld::finalize() {
  mpi_thread_->run([this] {
    for (const auto& release : at_finalize_) release();
    check_mpi(MPI_Finalize(), "MPI_Finalize");
  });
}

void MpiWorld::abort(int exit_code) {
  MPI_Abort(MPI_COMM_WORLD, exit_code);
  std::_Exit(exit_code);  // MPI_Abort does not come back
}

}  // namespace bertyard
