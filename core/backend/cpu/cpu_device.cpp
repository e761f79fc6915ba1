// SPDX-License-Identifier: Apache-2.0
#include <cstring>
#include <fstream>
#include <utility>

#include <fmt/format.h>
#include <omp.h>

#include "core/backend/cpu/cpu_layer_ops.h"
#include "core/backend/cpu/cpu_loss_ops.h"
#include "core/backend/cpu/cpu_recurrent_ops.h"
#include "core/backend/cpu/cpu_update_ops.h"
#include "core/backend/cpu/host_memory.h"
#include "core/backend/cpu/kernel_choice.h"
#include "core/backend/cpu/matrix_product.h"
#include "core/backend/cpu/narrow_products.h"
#include "core/backend/device.h"
#include "core/backend/narrow_cpu_device.h"
#include "core/base/error.h"
#include "core/base/host_memory_limit.h"

namespace bertyard {
namespace {

class CpuStream : public Stream {};

// Every call has finished when it returns, so there is never anything to wait for.
class CpuEvent : public Event {
 public:
  void record(Stream&) override {}
  void make_wait(Stream&) override {}
  void synchronize() override {}
  bool done() override { return true; }
};

class CpuGraph : public Graph {
 public:
  explicit CpuGraph(std::function<void()> work) : work_(std::move(work)) {}
  void launch(Stream&) override { work_(); }

 private:
  std::function<void()> work_;
};

std::string processor_name() {
  std::ifstream cpuinfo("/proc/cpuinfo");
  for (std::string line; std::getline(cpuinfo, line);) {
    const std::size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "CPU";
}

int thread_count(int asked) {
  if (asked < 0) {
    throw UsageError(fmt::format("CPU: threads must be 0 (automatic) or more, found {}", asked));
  }
  return asked == 0 ? omp_get_max_threads() : asked;
}

// What products of f32 activations with weights are computed in.
enum class Products { fp32, bf16 };

std::unique_ptr<MatrixLibrary> make_library(const CpuOptions& options, Products products,
                                            const CpuKernels& kernels, int threads) {
  auto library = make_matrix_library(options.matrix_library, threads, kernels.pack);
  if (products == Products::fp32) return library;
  return make_narrow_products(std::move(library), kernels.cast, threads);
}

class CpuDevice : public Device {
 public:
  CpuDevice(const CpuOptions& options, Products products)
      : threads_(thread_count(options.threads)),
        kernels_(choose_kernels(options.instruction_set)),
        matrices_(make_library(options, products, kernels_, threads_)),
        layer_ops_(kernels_, *matrices_, threads_),
        update_ops_(kernels_, threads_),
        loss_ops_(kernels_, threads_),
        recurrent_ops_(kernels_, *matrices_, threads_) {}

  DeviceInfo info() const override {
    return {.kind = DeviceKind::cpu,
            .name = fmt::format("{}, {} threads", processor_name(), threads_),
            .instruction_set = kernels_.instruction_set,
            .libraries = matrices_->name(),
            .threads = threads_,
            .memory_bytes = host_memory_limit()};
  }

  bool computes(DType activations) const override { return matrices_->computes(activations); }

  Buffer allocate(std::size_t bytes) override { return allocate_host_memory(bytes); }
  Buffer allocate_pinned(std::size_t bytes) override { return allocate_host_memory(bytes); }

  std::unique_ptr<Stream> make_stream() override { return std::make_unique<CpuStream>(); }
  std::unique_ptr<Event> make_event() override { return std::make_unique<CpuEvent>(); }
  Stream& compute_stream() override { return stream_; }

  void copy(TensorView to, ConstTensorView from, CopyDirection, Stream&) override {
    if (to.dtype() != from.dtype() || to.elements() != from.elements()) {
      throw Error(fmt::format("copy: expected {} elements of {}, found {} of {}", to.elements(),
                              name_of(to.dtype()), from.elements(), name_of(from.dtype())));
    }
    if (to.bytes() > 0) std::memcpy(to.data(), from.data(), to.bytes());
  }
  void set_zero(TensorView x, Stream&) override {
    if (x.bytes() > 0) std::memset(x.data(), 0, x.bytes());
  }
  std::unique_ptr<Graph> capture(std::function<void()> work) override {
    return std::make_unique<CpuGraph>(std::move(work));
  }
  void synchronize() override {}

  LayerOps& layer_ops() override { return layer_ops_; }
  UpdateOps& update_ops() override { return update_ops_; }
  LossOps& loss_ops() override { return loss_ops_; }
  RecurrentOps& recurrent_ops() override { return recurrent_ops_; }

 private:
  int threads_;
  CpuKernels kernels_;
  std::unique_ptr<MatrixLibrary> matrices_;
  CpuLayerOps layer_ops_;
  CpuUpdateOps update_ops_;
  CpuLossOps loss_ops_;
  CpuRecurrentOps recurrent_ops_;
  CpuStream stream_;
};

}  // namespace

std::unique_ptr<Device> make_cpu_device(const CpuOptions& options) {
  return std::make_unique<CpuDevice>(options, Products::fp32);
}

std::unique_ptr<Device> make_narrow_cpu_device(const CpuOptions& options) {
  return std::make_unique<CpuDevice>(options, Products::bf16);
}

}  // namespace bertyard
