// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>
#include <limits>
#include <memory>

#include <fmt/format.h>
#include <mpi.h>

#include "core/base/error.h"
#include "parallel/mpi_parts.h"
#include "parallel/shared_memory_sum.h"

namespace bertyard {
namespace {

MPI_Datatype number_type(DType type) {
  switch (type) {
    case DType::f32:
      return MPI_FLOAT;
    case DType::f64:
      return MPI_DOUBLE;
    case DType::i32:
      return MPI_INT32_T;
    case DType::i64:
      return MPI_INT64_T;
    case DType::u64:
      return MPI_UINT64_T;
    default:
      throw Error(
          fmt::format("communicator: MPI adds no {} between hosts; reduce in f32, or with NCCL",
                      name_of(type)));
  }
}

// For data that is moved only.
MPI_Datatype carrier_type(DType type) {
  switch (size_of(type)) {
    case 1:
      return MPI_UINT8_T;
    case 2:
      return MPI_UINT16_T;
    case 4:
      return MPI_UINT32_T;
    default:
      return MPI_UINT64_T;
  }
}

// MPI counts in int.
int count_of(std::int64_t elements) {
  BERTYARD_CHECK(
      elements <= std::numeric_limits<int>::max(),
      fmt::format("communicator: {} elements for one rank in one call; MPI moves at most "
                  "{}: split the tensor",
                  elements, std::numeric_limits<int>::max()));
  return static_cast<int>(elements);
}

// Cuts as MPI takes them.
struct MpiParts {
  std::vector<int> counts, places;
};

MpiParts mpi_parts(std::span<const std::int64_t> cuts) {
  MpiParts parts;
  for (std::size_t rank = 0; rank + 1 < cuts.size(); ++rank) {
    parts.counts.push_back(count_of(cuts[rank + 1] - cuts[rank]));
    parts.places.push_back(count_of(cuts[rank]));
  }
  return parts;
}

// Collectives by MPI on a communicator of their own, run one after another by the MPI thread with
// blocking calls: MPI_Iallreduce makes no progress by itself in Open MPI, a thread does. Sums go
// through shared memory when all ranks are on one host.
class MpiCommunicator final : public Communicator {
 public:
  MpiCommunicator(const MpiWorld::Place& place, JobQueue& mpi_thread, MPI_Comm world,
                  std::shared_ptr<SharedMemorySum> node_sum)
      : Communicator(place.rank, place.size),
        mpi_thread_(mpi_thread),
        world_(world),
        node_sum_(std::move(node_sum)) {}
  std::string_view name() const override { return node_sum_ ? "mpi (shared memory)" : "mpi"; }

 private:
  Pending start_all_reduce_sum(TensorView values) override {
    if (node_sum_) {
      return submit(
          [sum = node_sum_, values] { sum->all_reduce(values.reshaped({values.elements()})); });
    }
    return submit([world = world_, values] {
      constexpr std::int64_t kMost = std::int64_t{1} << 28;
      const TensorView flat = values.reshaped({values.elements()});
      for (std::int64_t first = 0; first < flat.rows(); first += kMost) {
        const TensorView piece = flat.slice(first, std::min(kMost, flat.rows() - first));
        check_mpi(MPI_Allreduce(MPI_IN_PLACE, piece.data(), count_of(piece.elements()),
                                number_type(piece.dtype()), MPI_SUM, world),
                  "MPI_Allreduce");
      }
    });
  }

  Pending start_reduce_scatter_sum(ConstTensorView in, TensorView out) override {
    const int count = count_of(out.elements());
    return submit([=, world = world_] {
      check_mpi(MPI_Reduce_scatter_block(in.data(), out.data(), count, number_type(in.dtype()),
                                         MPI_SUM, world),
                "MPI_Reduce_scatter_block");
    });
  }

  Pending start_all_gather(ConstTensorView in, TensorView out) override {
    const int count = count_of(in.elements());
    const auto* own_place =
        static_cast<const std::byte*>(out.data()) + static_cast<std::size_t>(rank()) * in.bytes();
    const void* source = in.data() == own_place ? MPI_IN_PLACE : in.data();
    return submit([=, world = world_] {
      const MPI_Datatype type = carrier_type(in.dtype());
      check_mpi(MPI_Allgather(source, count, type, out.data(), count, type, world),
                "MPI_Allgather");
    });
  }

  Pending start_all_to_all(ConstTensorView in, TensorView out) override {
    const int count = count_of(in.elements() / size());
    return submit([=, world = world_] {
      const MPI_Datatype type = carrier_type(in.dtype());
      check_mpi(MPI_Alltoall(in.data(), count, type, out.data(), count, type, world),
                "MPI_Alltoall");
    });
  }

  Pending start_reduce_parts_sum(TensorView values, std::span<const std::int64_t> cuts) override {
    if (node_sum_) {
      return submit(
          [=, sum = node_sum_] { sum->reduce_parts(values.reshaped({values.elements()}), cuts); });
    }
    const MpiParts parts = mpi_parts(cuts);
    return submit([=, this, world = world_] {
      // Not in place: MPI would leave this rank's part at the beginning of the buffer.
      const auto own = static_cast<std::size_t>(rank());
      const std::size_t width = size_of(values.dtype());
      const std::size_t bytes = static_cast<std::size_t>(parts.counts[own]) * width;
      if (part_sum_.size() < bytes) part_sum_.resize(bytes);
      check_mpi(MPI_Reduce_scatter(values.data(), part_sum_.data(), parts.counts.data(),
                                   number_type(values.dtype()), MPI_SUM, world),
                "MPI_Reduce_scatter");
      std::memcpy(static_cast<std::byte*>(values.data()) +
                      static_cast<std::size_t>(parts.places[own]) * width,
                  part_sum_.data(), bytes);
    });
  }

  Pending start_all_gather_parts(TensorView values, std::span<const std::int64_t> cuts) override {
    if (node_sum_) {
      return submit([=, sum = node_sum_] {
        sum->all_gather_parts(values.reshaped({values.elements()}), cuts);
      });
    }
    const MpiParts parts = mpi_parts(cuts);
    return submit([=, world = world_] {
      const MPI_Datatype type = carrier_type(values.dtype());
      check_mpi(MPI_Allgatherv(MPI_IN_PLACE, 0, type, values.data(), parts.counts.data(),
                               parts.places.data(), type, world),
                "MPI_Allgatherv");
    });
  }

  Pending start_broadcast(TensorView values, int root) override {
    const int count = count_of(values.elements());
    return submit([=, world = world_] {
      check_mpi(MPI_Bcast(values.data(), count, carrier_type(values.dtype()), root, world),
                "MPI_Bcast");
    });
  }

  Pending start_barrier() override {
    return submit([world = world_] { check_mpi(MPI_Barrier(world), "MPI_Barrier"); });
  }

  Pending submit(std::function<void()> job) { return Pending(mpi_thread_.submit(std::move(job))); }

  JobQueue& mpi_thread_;
  MPI_Comm world_;
  std::vector<std::byte> part_sum_;            // of the MPI thread
  std::shared_ptr<SharedMemorySum> node_sum_;  // absent when the ranks are on several hosts
};

// A window of shared memory, one segment per rank.
std::shared_ptr<SharedMemorySum> make_node_sum(const MpiWorld::Place& place, MPI_Comm world,
                                               MPI_Win& window) {
  void* own = nullptr;
  check_mpi(
      MPI_Win_allocate_shared(static_cast<MPI_Aint>(SharedMemorySum::segment_bytes(place.size)), 1,
                              MPI_INFO_NULL, world, static_cast<void*>(&own), &window),
      "MPI_Win_allocate_shared");
  std::vector<std::byte*> segments;
  for (int rank = 0; rank < place.size; ++rank) {
    MPI_Aint bytes = 0;
    int unit = 0;
    void* segment = nullptr;
    check_mpi(MPI_Win_shared_query(window, rank, &bytes, &unit, static_cast<void*>(&segment)),
              "MPI_Win_shared_query");
    segments.push_back(static_cast<std::byte*>(segment));
  }
  auto node_sum = std::make_shared<SharedMemorySum>(place.rank, std::move(segments));
  check_mpi(MPI_Barrier(world), "MPI_Barrier");
  return node_sum;
}

}  // namespace

std::unique_ptr<Communicator> make_mpi_communicator(
    const MpiWorld::Place& place, NodeSums node_sums, JobQueue& mpi_thread,
    std::vector<std::function<void()>>& at_finalize) {
  MPI_Comm world = MPI_COMM_NULL;
  MPI_Win window = MPI_WIN_NULL;
  std::shared_ptr<SharedMemorySum> node_sum;
  mpi_thread.run([&] {
    check_mpi(MPI_Comm_dup(MPI_COMM_WORLD, &world), "MPI_Comm_dup");
    check_mpi(MPI_Comm_set_errhandler(world, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
    if (node_sums == NodeSums::shared_memory && place.local_size == place.size)
      node_sum = make_node_sum(place, world, window);
  });
  at_finalize.emplace_back([world, window]() mutable {
    if (window != MPI_WIN_NULL) check_mpi(MPI_Win_free(&window), "MPI_Win_free");
    check_mpi(MPI_Comm_free(&world), "MPI_Comm_free");
  });
  return std::make_unique<MpiCommunicator>(place, mpi_thread, world, std::move(node_sum));
}

}  // namespace bertyard
