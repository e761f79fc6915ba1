// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "core/backend/built_with.h"
#include "core/backend/cuda/cuda_layer_ops.h"
#include "core/backend/cuda/cuda_loss_ops.h"
#include "core/backend/cuda/cuda_memory.h"
#include "core/backend/cuda/cuda_streams.h"
#include "core/backend/cuda/cuda_update_ops.h"
#include "core/backend/cuda/select_device.h"
#include "core/backend/device.h"
#include "core/base/error.h"

namespace bertyard {
namespace {

cudaMemcpyKind kind_of(CopyDirection direction) {
  switch (direction) {
    case CopyDirection::host_to_device:
      return cudaMemcpyHostToDevice;
    case CopyDirection::device_to_host:
      return cudaMemcpyDeviceToHost;
    case CopyDirection::device_to_device:
      return cudaMemcpyDeviceToDevice;
  }
  return cudaMemcpyDefault;
}

class CudaDevice : public Device {
 public:
  explicit CudaDevice(const CudaOptions& options)
      : selected_(select_cuda_device(options.local_rank)),
        matrices_(make_device_matrices(options.tf32 ? FloatProducts::tf32 : FloatProducts::f32,
                                       stream_.get())),
        layer_ops_(*matrices_, selected_.shared_bytes, stream_.get()),
        update_ops_(stream_.get(), selected_.multiprocessors),
        loss_ops_(stream_.get()) {}

  DeviceInfo info() const override {
    return {.kind = DeviceKind::cuda,
            .name = selected_.name,
            .instruction_set = selected_.architecture,
            .libraries = fmt::format("{}, {}", matrices_->name(), selected_.versions),
            .threads = 1,
            .memory_bytes = selected_.memory_bytes,
            .pci_bus = selected_.pci_bus};
  }
  bool computes(DType activations) const override {
    return activations == DType::f32 || activations == DType::bf16 || activations == DType::f16;
  }

  Buffer allocate(std::size_t bytes) override { return allocate_device_memory(bytes); }
  Buffer allocate_pinned(std::size_t bytes) override { return allocate_pinned_memory(bytes); }

  std::unique_ptr<Stream> make_stream() override { return std::make_unique<CudaStream>(); }
  std::unique_ptr<Event> make_event() override { return make_cuda_device_event(); }
  Stream& compute_stream() override { return stream_; }

  void copy(TensorView to, ConstTensorView from, CopyDirection direction, Stream& stream) override {
    if (to.dtype() != from.dtype() || to.elements() != from.elements()) {
      throw Error(fmt::format("copy: expected {} elements of {}, found {} of {}", to.elements(),
                              name_of(to.dtype()), from.elements(), name_of(from.dtype())));
    }
    if (to.bytes() == 0) return;
    BERTYARD_CHECK_CUDA(cudaMemcpyAsync(to.data(), from.data(), to.bytes(), kind_of(direction),
                                        native_stream(stream)));
  }
  void set_zero(TensorView x, Stream& stream) override {
    if (x.bytes() == 0) return;
    BERTYARD_CHECK_CUDA(cudaMemsetAsync(x.data(), 0, x.bytes(), native_stream(stream)));
  }
  std::unique_ptr<Graph> capture(std::function<void()> work) override {
    return capture_cuda_graph(stream_, work);
  }
  void synchronize() override { BERTYARD_CHECK_CUDA(cudaStreamSynchronize(stream_.get())); }

  std::string kernel_choices() const override { return matrices_->choices(); }
  bool use_kernel_choices(const std::string& text) override { return matrices_->use_choices(text); }

  LayerOps& layer_ops() override { return layer_ops_; }
  UpdateOps& update_ops() override { return update_ops_; }
  LossOps& loss_ops() override { return loss_ops_; }

 private:
  SelectedDevice selected_;  // before everything that lives on it
  CudaStream stream_;
  std::unique_ptr<DeviceMatrices> matrices_;
  CudaLayerOps layer_ops_;
  CudaUpdateOps update_ops_;
  CudaLossOps loss_ops_;
};

}  // namespace

bool built_with_cuda() {
  return true;
}

std::unique_ptr<Device> make_cuda_device(const CudaOptions& options) {
  return std::make_unique<CudaDevice>(options);
}

}  // namespace bertyard
