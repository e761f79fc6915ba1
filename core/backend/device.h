// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "core/backend/workspace_limits.h"
#include "core/tensor/buffer.h"
#include "core/tensor/tensor_view.h"

namespace bertyard {

class LayerOps;
class LossOps;
class RecurrentOps;
class UpdateOps;

enum class DeviceKind { cpu, cuda };

// What decides the bits of a result beside the code: design, 4.5. It stands in every checkpoint.
struct DeviceInfo {
  DeviceKind kind = DeviceKind::cpu;
  std::string name;             // "AMD EPYC, 2 threads" or "NVIDIA H100"
  std::string instruction_set;  // "avx512_bf16", "avx512", "avx2", "generic", "sm_90"
  std::string libraries;        // "oneDNN 2.6.3, OpenBLAS 0.3.21"
  int threads = 1;              // of this process; 1 on a GPU
  std::size_t memory_bytes = 0;
  std::string pci_bus = {};  // "0000:41:00.0", of a GPU
};

// An order of execution on the device. Work on one stream runs in the order of its calls; two
// streams are ordered by events alone. On the CPU there is one, and every call runs at once.
class Stream {
 public:
  virtual ~Stream() = default;
  // cudaStream_t for libraries that work on it (NCCL); null on the CPU.
  virtual void* native() const { return nullptr; }
};

class Event {
 public:
  virtual ~Event() = default;
  virtual void record(Stream& stream) = 0;
  virtual void make_wait(Stream& stream) = 0;  // later work on `stream` waits for the recording
  virtual void synchronize() = 0;              // the host waits
  virtual bool done() = 0;
};

// A piece of work recorded once and run by each launch(): a CUDA graph; on the CPU the call itself.
// Values that change between launches are read from device memory, never passed by value.
class Graph {
 public:
  virtual ~Graph() = default;
  virtual void launch(Stream& stream) = 0;
};

enum class CopyDirection { host_to_device, device_to_host, device_to_device };

// Memory, copies, streams, events and graphs of one device. Created by make_cpu_device() or
// make_cuda_device(); owns its operations. One thread uses it at a time.
class Device {
 public:
  virtual ~Device() = default;
  virtual DeviceInfo info() const = 0;
  // Whether activations may have this type here: f32 always.
  virtual bool computes(DType activations) const = 0;

  // Throws EnvironmentError that says how much was asked for and how much is free.
  virtual Buffer allocate(std::size_t bytes) = 0;
  virtual Buffer allocate_pinned(std::size_t bytes) = 0;  // host memory that copies overlap with

  virtual std::unique_ptr<Stream> make_stream() = 0;
  virtual std::unique_ptr<Event> make_event() = 0;
  virtual Stream& compute_stream() = 0;  // where the operations below run

  // `to` and `from` have equal dtype and elements. Pinned host memory must live until the stream
  // has passed the copy.
  virtual void copy(TensorView to, ConstTensorView from, CopyDirection direction,
                    Stream& stream) = 0;
  virtual void set_zero(TensorView x, Stream& stream) = 0;
  // Records `work`, which may neither allocate nor wait, without running it. The same work must
  // have run once before, so that libraries have chosen and loaded what they need.
  virtual std::unique_ptr<Graph> capture(std::function<void()> work) = 0;
  virtual void synchronize() = 0;

  // Which algorithm each shape of a matrix product takes, as lines of text, where this device
  // searches for them: the first names library and device, each other one a shape that was met or
  // given. A run that is given another's text before its first product takes its choices without a
  // search; false, and nothing is taken, where the text is of another library or device.
  virtual std::string kernel_choices() const { return {}; }
  virtual bool use_kernel_choices(const std::string& /*text*/) { return false; }

  // What layer_ops().reserve(limits) will take.
  virtual std::size_t workspace_bytes(const WorkspaceLimits& limits);
  virtual LayerOps& layer_ops() = 0;
  virtual UpdateOps& update_ops() = 0;
  // Throws EnvironmentError where the device has none.
  virtual LossOps& loss_ops();
  virtual RecurrentOps& recurrent_ops();
};

// `automatic` is oneDNN where the build has a usable one.
enum class MatrixLibraryChoice { automatic, openblas, onednn };

struct CpuOptions {
  int threads = 0;  // 0: what OpenMP would use
  // Empty: the best here; else "avx512_bf16", "avx512", "avx2" or "generic".
  std::string instruction_set = {};
  MatrixLibraryChoice matrix_library = MatrixLibraryChoice::automatic;
};
std::unique_ptr<Device> make_cpu_device(const CpuOptions& options);

struct CudaOptions {
  int local_rank = 0;  // which of the GPUs that this process sees
  bool tf32 = false;   // products of f32 activations round their operands to TF32
};
// Throws EnvironmentError where the build has no CUDA or the machine no usable device.
std::unique_ptr<Device> make_cuda_device(const CudaOptions& options);

// A GPU with so much memory that need not be there, in builds without CUDA either: says its kind
// and what a run would take of it, and throws EnvironmentError for anything else.
std::unique_ptr<Device> make_planned_gpu(std::size_t memory_bytes);

}  // namespace bertyard
