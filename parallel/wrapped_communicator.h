// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "parallel/communicator.h"

namespace bertyard {

// Another communicator, with something done around each of its collectives: before() it starts,
// and after() it has been started. `bytes` are what this rank sends or, of an all-gather, gets.
// Borrows it.
class WrappedCommunicator : public Communicator {
 public:
  explicit WrappedCommunicator(Communicator& inner)
      : Communicator(inner.rank(), inner.size()), inner_(inner) {}
  std::string_view name() const override { return inner_.name(); }
  void check() override { inner_.check(); }

 protected:
  virtual void before(const char* /*name*/, std::uint64_t /*bytes*/) {}
  virtual Pending after(const char* /*name*/, std::uint64_t /*bytes*/, Pending started) {
    return started;
  }

 private:
  Pending start_all_reduce_sum(TensorView values) override {
    return around("all_reduce_sum", values.bytes(), [&] { return inner_.all_reduce_sum(values); });
  }
  Pending start_reduce_scatter_sum(ConstTensorView in, TensorView out) override {
    return around("reduce_scatter_sum", in.bytes(),
                  [&] { return inner_.reduce_scatter_sum(in, out); });
  }
  Pending start_all_gather(ConstTensorView in, TensorView out) override {
    return around("all_gather", out.bytes(), [&] { return inner_.all_gather(in, out); });
  }
  Pending start_all_to_all(ConstTensorView in, TensorView out) override {
    return around("all_to_all", in.bytes(), [&] { return inner_.all_to_all(in, out); });
  }
  Pending start_reduce_parts_sum(TensorView values, std::span<const std::int64_t> cuts) override {
    return around("reduce_parts_sum", values.bytes(),
                  [&] { return inner_.reduce_parts_sum(values, cuts); });
  }
  Pending start_all_gather_parts(TensorView values, std::span<const std::int64_t> cuts) override {
    return around("all_gather_parts", values.bytes(),
                  [&] { return inner_.all_gather_parts(values, cuts); });
  }
  Pending start_broadcast(TensorView values, int root) override {
    return around("broadcast", values.bytes(), [&] { return inner_.broadcast(values, root); });
  }
  Pending start_barrier() override {
    return around("barrier", 0, [&] { return inner_.barrier(); });
  }

  template <typename Start>
  Pending around(const char* name, std::uint64_t bytes, const Start& start) {
    before(name, bytes);
    return after(name, bytes, start());
  }

  Communicator& inner_;
};

}  // namespace bertyard
