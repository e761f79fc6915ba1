// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <memory>

#include <fmt/format.h>
#include <mpi.h>

#include "core/base/error.h"
#include "parallel/mpi_parts.h"
#include "parallel/rank_ordered_sum.h"
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
    case DType::bf16:
      return MPI_UINT16_T;  // with Sums::bf16
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

// MPI knows no bf16: every addition in f32, then rounded.
void add_bf16(void* in, void* sums, int* count, MPI_Datatype* /*type*/) {
  const std::array<const void*, 2> sources{in, sums};
  rank_ordered_sum(sums, sources, DType::bf16, *count);
}

struct Sums {
  MPI_Op bf16 = MPI_OP_NULL;
  MPI_Op of(DType type) const { return type == DType::bf16 ? bf16 : MPI_SUM; }
};

void all_reduce(const TensorView& flat, Sums sums, MPI_Comm ranks) {
  constexpr std::int64_t kMost = std::int64_t{1} << 28;
  for (std::int64_t first = 0; first < flat.rows(); first += kMost) {
    const TensorView piece = flat.slice(first, std::min(kMost, flat.rows() - first));
    check_mpi(MPI_Allreduce(MPI_IN_PLACE, piece.data(), count_of(piece.elements()),
                            number_type(piece.dtype()), sums.of(piece.dtype()), ranks),
              "MPI_Allreduce");
  }
}

// The ranks of one host, and one of every host.
struct Hosts {
  int local_rank = 0;
  int local_size = 1;
  std::shared_ptr<SharedMemorySum> sum;  // over the ranks of this host
  MPI_Comm across = MPI_COMM_NULL;       // those of this local rank; null where there is one host
};

// Sums the ranks of a host through shared memory, each local rank a part, that part over the hosts,
// and gathers: every rank sends to other hosts only its share of what its host has to say.
void all_reduce(const TensorView& flat, Sums sums, const Hosts& hosts) {
  std::vector<std::int64_t> cuts;
  for (int rank = 0; rank <= hosts.local_size; ++rank) {
    cuts.push_back(flat.rows() * rank / hosts.local_size);
  }
  hosts.sum->reduce_parts(flat, cuts);
  const auto own = static_cast<std::size_t>(hosts.local_rank);
  all_reduce(flat.slice(cuts[own], cuts[own + 1] - cuts[own]), sums, hosts.across);
  hosts.sum->all_gather_parts(flat, cuts);
}

// Collectives by MPI on a communicator of their own, run one after another by the MPI thread with
// blocking calls: MPI_Iallreduce makes no progress by itself in Open MPI, a thread does. Sums go
// through shared memory as far as ranks are on one host.
class MpiCommunicator final : public Communicator {
 public:
  MpiCommunicator(const MpiWorld::Place& place, JobQueue& mpi_thread, MPI_Comm world, Sums sums,
                  Hosts hosts)
      : Communicator(place.rank, place.size), mpi_thread_(mpi_thread), world_(world), sums_(sums) {
    if (hosts.across != MPI_COMM_NULL) {
      hosts_ = std::move(hosts);
    } else {
      node_sum_ = std::move(hosts.sum);
    }
  }
  std::string_view name() const override {
    if (hosts_.sum) return "mpi (shared memory in a host)";
    return node_sum_ ? "mpi (shared memory)" : "mpi";
  }

 private:
  Pending start_all_reduce_sum(TensorView values) override {
    const TensorView flat = values.reshaped({values.elements()});
    if (node_sum_) return submit([sum = node_sum_, flat] { sum->all_reduce(flat); });
    if (hosts_.sum) return submit([=, this] { all_reduce(flat, sums_, hosts_); });
    return submit([=, this] { all_reduce(flat, sums_, world_); });
  }

  Pending start_reduce_scatter_sum(ConstTensorView in, TensorView out) override {
    const int count = count_of(out.elements());
    return submit([=, world = world_, sums = sums_] {
      check_mpi(MPI_Reduce_scatter_block(in.data(), out.data(), count, number_type(in.dtype()),
                                         sums.of(in.dtype()), world),
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
                                   number_type(values.dtype()), sums_.of(values.dtype()), world),
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
  Sums sums_;
  std::vector<std::byte> part_sum_;            // of the MPI thread
  std::shared_ptr<SharedMemorySum> node_sum_;  // absent when the ranks are on several hosts
  Hosts hosts_;                                // of several hosts with equally many ranks each
};

// A window of shared memory, one segment for each rank of a host.
std::shared_ptr<SharedMemorySum> make_node_sum(MPI_Comm node, MPI_Win& window) {
  int local_rank = 0, local_size = 1;
  check_mpi(MPI_Comm_rank(node, &local_rank), "MPI_Comm_rank");
  check_mpi(MPI_Comm_size(node, &local_size), "MPI_Comm_size");
  void* own = nullptr;
  check_mpi(
      MPI_Win_allocate_shared(static_cast<MPI_Aint>(SharedMemorySum::segment_bytes(local_size)), 1,
                              MPI_INFO_NULL, node, static_cast<void*>(&own), &window),
      "MPI_Win_allocate_shared");
  std::vector<std::byte*> segments;
  for (int rank = 0; rank < local_size; ++rank) {
    MPI_Aint bytes = 0;
    int unit = 0;
    void* segment = nullptr;
    check_mpi(MPI_Win_shared_query(window, rank, &bytes, &unit, static_cast<void*>(&segment)),
              "MPI_Win_shared_query");
    segments.push_back(static_cast<std::byte*>(segment));
  }
  auto node_sum = std::make_shared<SharedMemorySum>(local_rank, std::move(segments));
  check_mpi(MPI_Barrier(node), "MPI_Barrier");
  return node_sum;
}

// What is freed at the end.
struct Handles {
  MPI_Comm world = MPI_COMM_NULL, node = MPI_COMM_NULL, across = MPI_COMM_NULL;
  MPI_Win window = MPI_WIN_NULL;
  Sums sums;
};

MPI_Comm split(MPI_Comm ranks, int color, int key) {
  MPI_Comm part = MPI_COMM_NULL;
  check_mpi(MPI_Comm_split(ranks, color, key, &part), "MPI_Comm_split");
  check_mpi(MPI_Comm_set_errhandler(part, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  return part;
}

// Empty where hosts have different numbers of ranks, or one each, or where two hosts have one name:
// MPI does it all then.
Hosts make_hosts(const MpiWorld::Place& place, Handles& handles) {
  const auto& names = place.hosts;
  const auto own =
      std::find(names.begin(), names.end(), names[static_cast<std::size_t>(place.rank)]);
  handles.node = split(handles.world, static_cast<int>(own - names.begin()), place.rank);
  int size = 0;
  check_mpi(MPI_Comm_size(handles.node, &size), "MPI_Comm_size");
  std::array<int, 3> least{size, -size, size == place.local_size ? 1 : 0};
  check_mpi(MPI_Allreduce(MPI_IN_PLACE, least.data(), 3, MPI_INT, MPI_MIN, handles.world),
            "MPI_Allreduce");
  if (least[0] != -least[1] || least[2] == 0 || size == 1) return {};
  Hosts hosts{place.local_rank, size, make_node_sum(handles.node, handles.window), MPI_COMM_NULL};
  if (size < place.size) {
    handles.across = hosts.across = split(handles.world, place.local_rank, place.rank);
  }
  return hosts;
}

}  // namespace

std::unique_ptr<Communicator> make_mpi_communicator(
    const MpiWorld::Place& place, NodeSums node_sums, JobQueue& mpi_thread,
    std::vector<std::function<void()>>& at_finalize) {
  Handles handles;
  Hosts hosts;
  mpi_thread.run([&] {
    check_mpi(MPI_Comm_dup(MPI_COMM_WORLD, &handles.world), "MPI_Comm_dup");
    check_mpi(MPI_Comm_set_errhandler(handles.world, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
    check_mpi(MPI_Op_create(add_bf16, 1, &handles.sums.bf16), "MPI_Op_create");
    if (node_sums == NodeSums::shared_memory) hosts = make_hosts(place, handles);
  });
  at_finalize.emplace_back([handles]() mutable {
    if (handles.window != MPI_WIN_NULL) check_mpi(MPI_Win_free(&handles.window), "MPI_Win_free");
    check_mpi(MPI_Op_free(&handles.sums.bf16), "MPI_Op_free");
    for (MPI_Comm* ranks : {&handles.across, &handles.node, &handles.world}) {
      if (*ranks != MPI_COMM_NULL) check_mpi(MPI_Comm_free(ranks), "MPI_Comm_free");
    }
  });
  return std::make_unique<MpiCommunicator>(place, mpi_thread, handles.world, handles.sums,
                                           std::move(hosts));
}

}  // namespace bertyard
