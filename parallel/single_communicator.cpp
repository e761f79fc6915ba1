// SPDX-License-Identifier: Apache-2.0
#include "parallel/single_communicator.h"

#include <cstring>

namespace bertyard {
namespace {

Pending copy(const ConstTensorView& in, const TensorView& out) {
  if (in.data() != out.data()) std::memcpy(out.data(), in.data(), in.bytes());
  return {};
}

}  // namespace

Pending SingleCommunicator::start_all_reduce_sum(TensorView /*values*/) {
  return {};
}
Pending SingleCommunicator::start_reduce_scatter_sum(ConstTensorView in, TensorView out) {
  return copy(in, out);
}
Pending SingleCommunicator::start_all_gather(ConstTensorView in, TensorView out) {
  return copy(in, out);
}
Pending SingleCommunicator::start_all_to_all(ConstTensorView in, TensorView out) {
  return copy(in, out);
}
Pending SingleCommunicator::start_reduce_parts_sum(TensorView /*values*/,
                                                   std::span<const std::int64_t> /*cuts*/) {
  return {};
}
Pending SingleCommunicator::start_all_gather_parts(TensorView /*values*/,
                                                   std::span<const std::int64_t> /*cuts*/) {
  return {};
}
Pending SingleCommunicator::start_broadcast(TensorView /*values*/, int /*root*/) {
  return {};
}
Pending SingleCommunicator::start_barrier() {
  return {};
}

}  // namespace bertyard
