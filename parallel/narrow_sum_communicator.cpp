// SPDX-License-Identifier: Apache-2.0
#include "parallel/narrow_sum_communicator.h"

#include "core/backend/update_ops.h"

namespace bertyard {

// bf16 values of one collective; the list and nobody else holds it when it may be taken again. A
// Pending that was given up keeps it for good: the operation may still be under way.
struct NarrowSumCommunicator::Scratch {
  Buffer memory;
  bool taken = false;

  TensorView view(std::int64_t elements) const { return {memory.data(), DType::bf16, {elements}}; }
};

NarrowSumCommunicator::NarrowSumCommunicator(Device& device, Communicator& inside)
    : Communicator(inside.rank(), inside.size()), device_(device), inside_(inside) {}

NarrowSumCommunicator::~NarrowSumCommunicator() = default;

std::shared_ptr<NarrowSumCommunicator::Scratch> NarrowSumCommunicator::take_scratch(
    std::int64_t elements) {
  const std::size_t bytes = static_cast<std::size_t>(elements) * size_of(DType::bf16);
  for (const auto& scratch : scratches_) {
    if (scratch->taken || scratch->memory.bytes() < bytes) continue;
    scratch->taken = true;
    return scratch;
  }
  auto scratch = std::make_shared<Scratch>();
  scratch->memory = device_.allocate(bytes);
  scratch->taken = true;
  scratches_.push_back(scratch);
  return scratch;
}

Pending NarrowSumCommunicator::widened_after(Pending operation, std::shared_ptr<Scratch> scratch,
                                             TensorView to, ConstTensorView from) {
  auto inside = std::make_shared<Pending>(std::move(operation));
  return Pending(
      [this, inside, scratch, to, from] {
        inside->wait();
        if (to.elements() > 0) device_.update_ops().cast(to, from, device_.compute_stream());
        scratch->taken = false;  // who takes it next writes behind this on the compute stream
      },
      [inside] { return inside->complete(); });
}

Pending NarrowSumCommunicator::start_all_reduce_sum(TensorView values) {
  if (values.dtype() != DType::f32) return inside_.all_reduce_sum(values);
  const TensorView flat = values.reshaped({values.elements()});
  auto scratch = take_scratch(flat.elements());
  const TensorView narrow = scratch->view(flat.elements());
  device_.update_ops().cast(narrow, flat, device_.compute_stream());
  return widened_after(inside_.all_reduce_sum(narrow), scratch, flat, narrow);
}

Pending NarrowSumCommunicator::start_reduce_scatter_sum(ConstTensorView in, TensorView out) {
  if (in.dtype() != DType::f32) return inside_.reduce_scatter_sum(in, out);
  const std::int64_t all = in.elements();
  const std::int64_t own = out.elements();
  auto scratch = take_scratch(all + own);
  const TensorView narrow = scratch->view(all + own);
  const TensorView sum = narrow.slice(all, own);
  device_.update_ops().cast(narrow.slice(0, all), in.reshaped({all}), device_.compute_stream());
  return widened_after(inside_.reduce_scatter_sum(narrow.slice(0, all), sum), scratch,
                       out.reshaped({own}), sum);
}

Pending NarrowSumCommunicator::start_reduce_parts_sum(TensorView values,
                                                      std::span<const std::int64_t> cuts) {
  if (values.dtype() != DType::f32) return inside_.reduce_parts_sum(values, cuts);
  const TensorView flat = values.reshaped({values.elements()});
  auto scratch = take_scratch(flat.elements());
  const TensorView narrow = scratch->view(flat.elements());
  device_.update_ops().cast(narrow, flat, device_.compute_stream());
  const auto own = static_cast<std::size_t>(rank());
  const std::int64_t first = cuts[own], count = cuts[own + 1] - first;
  return widened_after(inside_.reduce_parts_sum(narrow, cuts), scratch, flat.slice(first, count),
                       narrow.slice(first, count));
}
Pending NarrowSumCommunicator::start_all_gather_parts(TensorView values,
                                                      std::span<const std::int64_t> cuts) {
  return inside_.all_gather_parts(values, cuts);
}

Pending NarrowSumCommunicator::start_all_gather(ConstTensorView in, TensorView out) {
  return inside_.all_gather(in, out);
}
Pending NarrowSumCommunicator::start_all_to_all(ConstTensorView in, TensorView out) {
  return inside_.all_to_all(in, out);
}
Pending NarrowSumCommunicator::start_broadcast(TensorView values, int root) {
  return inside_.broadcast(values, root);
}
Pending NarrowSumCommunicator::start_barrier() {
  return inside_.barrier();
}

}  // namespace bertyard
