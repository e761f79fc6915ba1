// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <utility>

#include "core/backend/cuda/workspace_plan.h"
#include "core/backend/device.h"
#include "core/base/error.h"

namespace bertyard {
namespace {

// Knows sizes and refuses everything else.
class PlannedGpu final : public Device {
 public:
  explicit PlannedGpu(std::size_t memory_bytes) : memory_bytes_(memory_bytes) {}

  DeviceInfo info() const override {
    return {.kind = DeviceKind::cuda,
            .name = "a GPU that is not here",
            .instruction_set = "",
            .libraries = "",
            .threads = 1,
            .memory_bytes = memory_bytes_};
  }
  bool computes(DType activations) const override {
    return activations == DType::f32 || activations == DType::bf16 || activations == DType::f16;
  }
  std::size_t workspace_bytes(const WorkspaceLimits& limits) override {
    return plan_cuda_workspace(limits, kProductWorkspaceBytes).plan.bytes();
  }

  Buffer allocate(std::size_t) override { refuse(); }
  Buffer allocate_pinned(std::size_t) override { refuse(); }
  std::unique_ptr<Stream> make_stream() override { refuse(); }
  std::unique_ptr<Event> make_event() override { refuse(); }
  Stream& compute_stream() override { refuse(); }
  void copy(TensorView, ConstTensorView, CopyDirection, Stream&) override { refuse(); }
  void set_zero(TensorView, Stream&) override { refuse(); }
  std::unique_ptr<Graph> capture(std::function<void()>) override { refuse(); }
  void synchronize() override { refuse(); }
  LayerOps& layer_ops() override { refuse(); }
  UpdateOps& update_ops() override { refuse(); }

 private:
  [[noreturn]] static void refuse() {
    throw EnvironmentError("a planned GPU says what a run takes of it and computes nothing");
  }

  std::size_t memory_bytes_;
};

}  // namespace

std::unique_ptr<Device> make_planned_gpu(std::size_t memory_bytes) {
  return std::make_unique<PlannedGpu>(memory_bytes);
}

}  // namespace bertyard
