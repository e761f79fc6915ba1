// SPDX-License-Identifier: Apache-2.0
#include "parallel/communicator.h"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <future>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/error.h"
#include "parallel/rank_ordered_sum.h"

namespace bertyard {
namespace {

void check_present(std::string_view call, const ConstTensorView& view) {
  BERTYARD_CHECK(view.present() || view.shape().elements() == 0,
                 fmt::format("communicator: {} got an absent tensor", call));
}

void check_summable(std::string_view call, DType type) {
  BERTYARD_CHECK(is_summable(type),
                 fmt::format("communicator: {} adds f32, bf16, f64, i32, i64 or u64; found {}",
                             call, name_of(type)));
}

// Checks that `many` holds `factor` times the elements of `one`, both of one type.
void check_sizes(std::string_view call, const ConstTensorView& in, const ConstTensorView& out,
                 std::int64_t in_factor, std::int64_t out_factor) {
  check_present(call, in);
  check_present(call, out);
  BERTYARD_CHECK(in.dtype() == out.dtype(),
                 fmt::format("communicator: {} from {} into {}; the types must be equal", call,
                             name_of(in.dtype()), name_of(out.dtype())));
  BERTYARD_CHECK(in.elements() * in_factor == out.elements() * out_factor,
                 fmt::format("communicator: {} from {} into {}: expected {} times the elements of "
                             "one in the other (ranks: {})",
                             call, to_string(in.shape()), to_string(out.shape()),
                             std::max(in_factor, out_factor), std::max(in_factor, out_factor)));
}

void check_apart(std::string_view call, const ConstTensorView& in, const ConstTensorView& out) {
  const auto* in_begin = static_cast<const std::byte*>(in.data());
  const auto* out_begin = static_cast<const std::byte*>(out.data());
  const std::less<> before;
  const bool apart =
      !before(out_begin, in_begin + in.bytes()) || !before(in_begin, out_begin + out.bytes());
  BERTYARD_CHECK(apart, fmt::format("communicator: {} got overlapping input and output", call));
}

void check_cuts(std::string_view call, const TensorView& values, std::span<const std::int64_t> cuts,
                int size) {
  check_present(call, values);
  const bool fit = cuts.size() == static_cast<std::size_t>(size) + 1 && cuts.front() == 0 &&
                   cuts.back() == values.elements() && std::is_sorted(cuts.begin(), cuts.end());
  BERTYARD_CHECK(fit, fmt::format("communicator: {} of {} elements needs {} cuts that rise from 0 "
                                  "to {}, found {}",
                                  call, values.elements(), size + 1, values.elements(),
                                  fmt::join(cuts, ", ")));
}

}  // namespace

Pending Communicator::all_reduce_sum(TensorView values) {
  check_present("all_reduce_sum", values);
  check_summable("all_reduce_sum", values.dtype());
  return values.elements() == 0 ? Pending() : start_all_reduce_sum(values);
}

Pending Communicator::reduce_scatter_sum(ConstTensorView in, TensorView out) {
  check_sizes("reduce_scatter_sum", in, out, 1, size_);
  check_summable("reduce_scatter_sum", in.dtype());
  if (in.elements() == 0) return {};
  check_apart("reduce_scatter_sum", in, out);
  return start_reduce_scatter_sum(in, out);
}

Pending Communicator::all_gather(ConstTensorView in, TensorView out) {
  check_sizes("all_gather", in, out, size_, 1);
  if (in.elements() == 0) return {};
  const auto* own_place =
      static_cast<const std::byte*>(out.data()) + static_cast<std::size_t>(rank_) * in.bytes();
  if (in.data() != own_place) check_apart("all_gather", in, out);
  return start_all_gather(in, out);
}

Pending Communicator::all_to_all(ConstTensorView in, TensorView out) {
  check_sizes("all_to_all", in, out, 1, 1);
  BERTYARD_CHECK(in.elements() % size_ == 0,
                 fmt::format("communicator: all_to_all of {} elements between {} ranks; the "
                             "elements must be a multiple of the ranks",
                             in.elements(), size_));
  if (in.elements() == 0) return {};
  check_apart("all_to_all", in, out);
  return start_all_to_all(in, out);
}

Pending Communicator::reduce_parts_sum(TensorView values, std::span<const std::int64_t> cuts) {
  check_cuts("reduce_parts_sum", values, cuts, size_);
  check_summable("reduce_parts_sum", values.dtype());
  return values.elements() == 0 ? Pending() : start_reduce_parts_sum(values, cuts);
}

Pending Communicator::all_gather_parts(TensorView values, std::span<const std::int64_t> cuts) {
  check_cuts("all_gather_parts", values, cuts, size_);
  return values.elements() == 0 ? Pending() : start_all_gather_parts(values, cuts);
}

Pending Communicator::start_reduce_parts_sum(TensorView values,
                                             std::span<const std::int64_t> /*cuts*/) {
  return start_all_reduce_sum(values);
}

Pending Communicator::start_all_gather_parts(TensorView values,
                                             std::span<const std::int64_t> cuts) {
  std::vector<Pending> parts;
  for (std::size_t rank = 0; rank + 1 < cuts.size(); ++rank) {
    const std::int64_t count = cuts[rank + 1] - cuts[rank];
    parts.push_back(broadcast(values.slice(cuts[rank], count), static_cast<int>(rank)));
  }
  return Pending(std::async(std::launch::deferred, [parts = std::move(parts)]() mutable {
    for (Pending& part : parts) part.wait();
  }));
}

Pending Communicator::broadcast(TensorView values, int root) {
  check_present("broadcast", values);
  BERTYARD_CHECK(
      root >= 0 && root < size_,
      fmt::format("communicator: broadcast from rank {} of {}; ranks start at 0", root, size_));
  return values.elements() == 0 ? Pending() : start_broadcast(values, root);
}

Pending Communicator::barrier() {
  return start_barrier();
}

}  // namespace bertyard
