// SPDX-License-Identifier: Apache-2.0
#include "parallel/nccl_collectives.h"

#include <cstddef>

#include <cuda_runtime.h>
#include <nccl.h>

namespace bertyard {
namespace {

ncclComm_t communicator(const NcclPlace& place) {
  return static_cast<ncclComm_t>(place.communicator);
}
cudaStream_t stream(const NcclPlace& place) {
  return static_cast<cudaStream_t>(place.stream);
}

ncclDataType_t number_type(DType type) {
  switch (type) {
    case DType::f32:
      return ncclFloat32;
    case DType::bf16:
      return ncclBfloat16;
    case DType::f64:
      return ncclFloat64;
    case DType::i32:
      return ncclInt32;
    case DType::i64:
      return ncclInt64;
    default:
      return ncclUint64;  // the communicator lets nothing else be added
  }
}

std::size_t count(const ConstTensorView& view) {
  return static_cast<std::size_t>(view.elements());
}

bool taken(ncclResult_t code) {
  return code == ncclSuccess || code == ncclInProgress;
}

// call(peer) for every rank as one operation; the first bad code, else the group's.
template <typename Call>
ncclResult_t grouped(int ranks, Call call) {
  ncclResult_t code = ncclGroupStart();
  for (int peer = 0; peer < ranks && taken(code); ++peer) code = call(peer);
  const ncclResult_t ended = ncclGroupEnd();
  return taken(code) ? ended : code;
}

// A part's elements, and where it lies in the memory of `values`.
struct Part {
  std::byte* data = nullptr;
  std::size_t count = 0;
};
Part part_of(const TensorView& values, std::span<const std::int64_t> cuts, int rank) {
  const auto index = static_cast<std::size_t>(rank);
  const std::size_t before = static_cast<std::size_t>(cuts[index]) * size_of(values.dtype());
  return {static_cast<std::byte*>(values.data()) + before,
          static_cast<std::size_t>(cuts[index + 1] - cuts[index])};
}

bool of_one_size(std::span<const std::int64_t> cuts) {
  for (std::size_t i = 1; i + 1 < cuts.size(); ++i) {
    if (cuts[i + 1] - cuts[i] != cuts[1] - cuts[0]) return false;
  }
  return true;
}

}  // namespace

int nccl_all_reduce_sum(const NcclPlace& place, const TensorView& values) {
  return ncclAllReduce(values.data(), values.data(), count(values), number_type(values.dtype()),
                       ncclSum, communicator(place), stream(place));
}

int nccl_reduce_scatter_sum(const NcclPlace& place, const ConstTensorView& in,
                            const TensorView& out) {
  return ncclReduceScatter(in.data(), out.data(), count(out), number_type(in.dtype()), ncclSum,
                           communicator(place), stream(place));
}

int nccl_all_gather(const NcclPlace& place, const ConstTensorView& in, const TensorView& out) {
  return ncclAllGather(in.data(), out.data(), in.bytes(), ncclUint8, communicator(place),
                       stream(place));
}

int nccl_all_to_all(const NcclPlace& place, const ConstTensorView& in, const TensorView& out) {
  const std::size_t part = in.bytes() / static_cast<std::size_t>(place.ranks);
  const auto* from = static_cast<const std::byte*>(in.data());
  auto* to = static_cast<std::byte*>(out.data());
  return grouped(place.ranks, [&](int peer) {
    const std::size_t at = static_cast<std::size_t>(peer) * part;
    const ncclResult_t code =
        ncclSend(from + at, part, ncclUint8, peer, communicator(place), stream(place));
    if (!taken(code)) return code;
    return ncclRecv(to + at, part, ncclUint8, peer, communicator(place), stream(place));
  });
}

int nccl_reduce_parts_sum(const NcclPlace& place, const TensorView& values,
                          std::span<const std::int64_t> cuts) {
  const ncclDataType_t type = number_type(values.dtype());
  if (of_one_size(cuts)) {
    const Part own = part_of(values, cuts, place.rank);
    return ncclReduceScatter(values.data(), own.data, own.count, type, ncclSum, communicator(place),
                             stream(place));
  }
  return grouped(place.ranks, [&](int root) {
    const Part part = part_of(values, cuts, root);
    if (part.count == 0) return ncclSuccess;
    return ncclReduce(part.data, part.data, part.count, type, ncclSum, root, communicator(place),
                      stream(place));
  });
}

int nccl_all_gather_parts(const NcclPlace& place, const TensorView& values,
                          std::span<const std::int64_t> cuts) {
  const std::size_t width = size_of(values.dtype());
  if (of_one_size(cuts)) {
    const Part own = part_of(values, cuts, place.rank);
    return ncclAllGather(own.data, values.data(), own.count * width, ncclUint8, communicator(place),
                         stream(place));
  }
  return grouped(place.ranks, [&](int root) {
    const Part part = part_of(values, cuts, root);
    if (part.count == 0) return ncclSuccess;
    return ncclBroadcast(part.data, part.data, part.count * width, ncclUint8, root,
                         communicator(place), stream(place));
  });
}

int nccl_broadcast(const NcclPlace& place, const TensorView& values, int root) {
  return ncclBroadcast(values.data(), values.data(), values.bytes(), ncclUint8, root,
                       communicator(place), stream(place));
}

}  // namespace bertyard
