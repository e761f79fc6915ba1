// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "core/tensor/tensor_view.h"
#include "parallel/pending.h"

namespace bertyard {

// The bulk collectives between the ranks of a run. Every rank makes the same calls in the same
// order with the same shapes. Calls return at once; the views must stay valid, and outputs must not
// be read nor inputs written, until wait() of what they return. R below is size(). A call throws
// Error at once when its own arguments do not fit, before anything is sent.
// Results are the same bits for equal numbers of ranks, placement and call sequence.
class Communicator {
 public:
  Communicator(int rank, int size) : rank_(rank), size_(size) {}
  virtual ~Communicator() = default;
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;

  int rank() const { return rank_; }
  int size() const { return size_; }
  // How the ranks are connected, for the banner: "single", "threads", "mpi (shared memory)".
  virtual std::string_view name() const = 0;

  // values[i] = sum over ranks of values[i]; f32, bf16, f64, i32, i64 or u64, in place.
  [[nodiscard]] Pending all_reduce_sum(TensorView values);
  // in [R * n], out [n]: out[i] = sum over ranks of in[rank() * n + i]; types as above.
  [[nodiscard]] Pending reduce_scatter_sum(ConstTensorView in, TensorView out);
  // in [n], out [R * n]: the ranks' inputs one after another. `in` may be its own place in `out`.
  [[nodiscard]] Pending all_gather(ConstTensorView in, TensorView out);
  // in and out [R * n]: part p of `in` becomes part rank() of rank p's `out`.
  [[nodiscard]] Pending all_to_all(ConstTensorView in, TensorView out);
  // Parts of unequal size, in place: part r of `values` [n] is [cuts[r], cuts[r + 1]), the R + 1
  // cuts rising from 0 to n; they must stay valid as the views must.
  // Part rank() becomes its sum over the ranks; what the other parts hold is undefined afterwards.
  [[nodiscard]] Pending reduce_parts_sum(TensorView values, std::span<const std::int64_t> cuts);
  // Every part becomes that of the rank it belongs to.
  [[nodiscard]] Pending all_gather_parts(TensorView values, std::span<const std::int64_t> cuts);
  [[nodiscard]] Pending broadcast(TensorView values, int root);
  [[nodiscard]] Pending barrier();

  // Throws where a collective that was waited for has failed since, so that its result is of no
  // use: on a GPU waiting puts the wait on a stream, and what follows there runs on.
  virtual void check() {}

  // The good end, called by every rank after its last collective, where connections have one.
  // Destructors communicate never.
  virtual void finalize() {}

 private:
  // The arguments have been checked and hold at least one element.
  virtual Pending start_all_reduce_sum(TensorView values) = 0;
  virtual Pending start_reduce_scatter_sum(ConstTensorView in, TensorView out) = 0;
  virtual Pending start_all_gather(ConstTensorView in, TensorView out) = 0;
  virtual Pending start_all_to_all(ConstTensorView in, TensorView out) = 0;
  // Correct for every communicator, with more traffic than needed: a sum of everything, and a
  // broadcast from each rank.
  virtual Pending start_reduce_parts_sum(TensorView values, std::span<const std::int64_t> cuts);
  virtual Pending start_all_gather_parts(TensorView values, std::span<const std::int64_t> cuts);
  virtual Pending start_broadcast(TensorView values, int root) = 0;
  virtual Pending start_barrier() = 0;

  int rank_;
  int size_;
};

}  // namespace bertyard
