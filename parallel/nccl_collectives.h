// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "core/tensor/tensor_view.h"

namespace bertyard {

// Where a collective goes: an ncclComm_t, a cudaStream_t, and this rank's place.
struct NcclPlace {
  void* communicator = nullptr;
  void* stream = nullptr;
  int rank = 0;
  int ranks = 1;
};

// The collectives of a Communicator by NCCL's calls. Each puts its work on the stream and returns
// NCCL's ncclResult_t; where the communicator does not block, ncclInProgress is a good one.
int nccl_all_reduce_sum(const NcclPlace& place, const TensorView& values);
int nccl_reduce_scatter_sum(const NcclPlace& place, const ConstTensorView& in,
                            const TensorView& out);
int nccl_all_gather(const NcclPlace& place, const ConstTensorView& in, const TensorView& out);
int nccl_all_to_all(const NcclPlace& place, const ConstTensorView& in, const TensorView& out);
// Parts of one size are NCCL's own reduce-scatter and all-gather in place; of several, a group of a
// reduction or a broadcast for each rank, which moves the same bytes.
int nccl_reduce_parts_sum(const NcclPlace& place, const TensorView& values,
                          std::span<const std::int64_t> cuts);
int nccl_all_gather_parts(const NcclPlace& place, const TensorView& values,
                          std::span<const std::int64_t> cuts);
int nccl_broadcast(const NcclPlace& place, const TensorView& values, int root);

}  // namespace bertyard
