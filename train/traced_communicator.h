// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "parallel/communicator.h"
#include "train/step_trace.h"

namespace bertyard {

// Another communicator whose operations a trace follows. Borrows both.
class TracedCommunicator final : public Communicator {
 public:
  TracedCommunicator(Communicator& inner, StepTrace& trace)
      : Communicator(inner.rank(), inner.size()), inner_(inner), trace_(trace) {}
  std::string_view name() const override { return inner_.name(); }

 private:
  Pending start_all_reduce_sum(TensorView values) override {
    return trace_.follow("all_reduce_sum", values.bytes(), inner_.all_reduce_sum(values));
  }
  Pending start_reduce_scatter_sum(ConstTensorView in, TensorView out) override {
    return trace_.follow("reduce_scatter_sum", in.bytes(), inner_.reduce_scatter_sum(in, out));
  }
  Pending start_all_gather(ConstTensorView in, TensorView out) override {
    return trace_.follow("all_gather", out.bytes(), inner_.all_gather(in, out));
  }
  Pending start_all_to_all(ConstTensorView in, TensorView out) override {
    return trace_.follow("all_to_all", in.bytes(), inner_.all_to_all(in, out));
  }
  Pending start_reduce_parts_sum(TensorView values, std::span<const std::int64_t> cuts) override {
    return trace_.follow("reduce_parts_sum", values.bytes(), inner_.reduce_parts_sum(values, cuts));
  }
  Pending start_all_gather_parts(TensorView values, std::span<const std::int64_t> cuts) override {
    return trace_.follow("all_gather_parts", values.bytes(), inner_.all_gather_parts(values, cuts));
  }
  Pending start_broadcast(TensorView values, int root) override {
    return trace_.follow("broadcast", values.bytes(), inner_.broadcast(values, root));
  }
  Pending start_barrier() override { return trace_.follow("barrier", 0, inner_.barrier()); }

  Communicator& inner_;
  StepTrace& trace_;
};

}  // namespace bertyard
