// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "parallel/communicator.h"
#include "parallel/pulse.h"

namespace bertyard {

// Another communicator whose every collective is counted and recorded by a pulse. Borrows both.
class NotedCommunicator final : public Communicator {
 public:
  NotedCommunicator(Communicator& inner, Pulse& pulse)
      : Communicator(inner.rank(), inner.size()), inner_(inner), pulse_(pulse) {}
  std::string_view name() const override { return inner_.name(); }

 private:
  Pending start_all_reduce_sum(TensorView values) override {
    pulse_.collective("all_reduce_sum", values.bytes());
    return inner_.all_reduce_sum(values);
  }
  Pending start_reduce_scatter_sum(ConstTensorView in, TensorView out) override {
    pulse_.collective("reduce_scatter_sum", in.bytes());
    return inner_.reduce_scatter_sum(in, out);
  }
  Pending start_all_gather(ConstTensorView in, TensorView out) override {
    pulse_.collective("all_gather", out.bytes());
    return inner_.all_gather(in, out);
  }
  Pending start_all_to_all(ConstTensorView in, TensorView out) override {
    pulse_.collective("all_to_all", in.bytes());
    return inner_.all_to_all(in, out);
  }
  Pending start_reduce_parts_sum(TensorView values, std::span<const std::int64_t> cuts) override {
    pulse_.collective("reduce_parts_sum", values.bytes());
    return inner_.reduce_parts_sum(values, cuts);
  }
  Pending start_all_gather_parts(TensorView values, std::span<const std::int64_t> cuts) override {
    pulse_.collective("all_gather_parts", values.bytes());
    return inner_.all_gather_parts(values, cuts);
  }
  Pending start_broadcast(TensorView values, int root) override {
    pulse_.collective("broadcast", values.bytes());
    return inner_.broadcast(values, root);
  }
  Pending start_barrier() override {
    pulse_.collective("barrier", 0);
    return inner_.barrier();
  }

  Communicator& inner_;
  Pulse& pulse_;
};

}  // namespace bertyard
