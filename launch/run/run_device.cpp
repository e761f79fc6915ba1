// SPDX-License-Identifier: Apache-2.0
#include "launch/run/run_device.h"

#include <set>
#include <span>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "core/backend/built_with.h"
#include "core/backend/layer_ops.h"
#include "core/base/error.h"
#include "core/base/hash.h"
#include "launch/config/backend_choice.h"
#include "launch/run/cpu_threads.h"
#include "parallel/agreement.h"
#include "parallel/nccl_communicator.h"

namespace bertyard {
namespace {

std::string name_of(InstructionSet instruction_set) {
  switch (instruction_set) {
    case InstructionSet::automatic:
      return "";
    case InstructionSet::avx512_bf16:
      return "avx512_bf16";
    case InstructionSet::avx512:
      return "avx512";
    case InstructionSet::avx2:
      return "avx2";
    case InstructionSet::generic:
      return "generic";
  }
  return "";
}

std::unique_ptr<Device> run_cpu_device(const RunConfig& config, int ranks_on_host) {
  if (config.precision == Precision::tf32) {
    throw EnvironmentError(
        "precision: tf32 needs a GPU, and this run computes on the CPU; use fp32");
  }
  CpuOptions cpu;
  cpu.threads = cpu_threads(config.parallel.threads, ranks_on_host);
  cpu.instruction_set =
      config.parallel.instruction_set == InstructionSet::automatic
          ? cpu_instruction_set(config.precision == Precision::bf16 ? DType::bf16 : DType::f32)
          : name_of(config.parallel.instruction_set);
  std::unique_ptr<Device> device = make_cpu_device(cpu);
  if (config.parallel.comm != CommChoice::automatic) {
    throw UsageError(fmt::format(
        "parallel.comm: {} is for ranks on GPUs, and this run computes on {}; use auto",
        config.parallel.comm == CommChoice::nccl ? "nccl" : "host", device->info().name));
  }
  return device;
}

// The parameters bound to memory of the host for as long as it lives.
class BoundToHost {
 public:
  explicit BoundToHost(ParameterStore& parameters)
      : parameters_(parameters),
        values_(parameters.values()),
        host_(static_cast<std::size_t>(parameters.flat_elements())) {
    parameters.bind(view_of(std::span(host_)), parameters.gradients());
  }
  ~BoundToHost() { parameters_.bind(values_, parameters_.gradients()); }
  BoundToHost(const BoundToHost&) = delete;
  BoundToHost& operator=(const BoundToHost&) = delete;

  void copy_to(Device& device) const {
    device.copy(values_, view_of(std::span<const float>(host_)), CopyDirection::host_to_device,
                device.compute_stream());
    device.synchronize();
  }

 private:
  ParameterStore& parameters_;
  TensorView values_;
  std::vector<float> host_;
};

}  // namespace

std::unique_ptr<Device> make_run_device(const RunConfig& config, const HostPlace& place) {
  if (config.distill.taught()) return make_teaching_device(config, place);
  if (!takes_gpu(config)) return run_cpu_device(config, place.local_size);
  return make_cuda_device({.local_rank = place.gpu, .tf32 = config.precision == Precision::tf32});
}

std::unique_ptr<Device> make_teaching_device(const RunConfig& config, const HostPlace& place) {
  if (config.parallel.backend == BackendChoice::cuda) {
    throw EnvironmentError(
        "parallel.backend: cuda does not teach yet: distillation computes on the CPU; use cpu");
  }
  return run_cpu_device(config, place.local_size);
}

std::map<std::string, std::string> computing_environment(const DeviceInfo& device,
                                                         const std::string& kernel_choices,
                                                         const ParallelOptions& parallel,
                                                         const std::vector<std::string>& hosts) {
  const std::size_t ranks = hosts.size();
  std::map<std::string, std::string> environment{{"threads", std::to_string(device.threads)},
                                                 {"instruction_set", device.instruction_set},
                                                 {"libraries", device.libraries}};
  if (device.kind == DeviceKind::cuda) {
    environment["device"] = device.name;
    environment["kernel choices"] = hash_text(xxh3(kernel_choices));
    if (ranks > 1) {
      environment["sums"] = parallel.comm == CommChoice::host ? "the host's" : nccl_library();
    }
  }
  if (parallel.reduction == Reduction::ordered) {
    environment["reduction"] = fmt::format("ordered, {} leaves", parallel.leaves);
  } else {
    environment["reduction"] = parallel.exchange == Precision::bf16 ? "fast, in bf16" : "fast";
    const std::size_t different = std::set(hosts.begin(), hosts.end()).size();
    environment["ranks"] =
        different > 1 ? fmt::format("{} on {} hosts", ranks, different) : std::to_string(ranks);
  }
  return environment;
}

void check_same_devices(ControlPlane& control, const DeviceInfo& device, Reduction reduction) {
  const bool gpu = device.kind == DeviceKind::cuda;  // a CPU's name decides nothing
  // "oneDNN 2.6.3 for AMX"
  const std::string libraries = reduction == Reduction::ordered
                                    ? device.libraries
                                    : device.libraries.substr(0, device.libraries.find(" for "));
  check_same_everywhere(control,
                        {{"device", gpu ? device.name : "CPU", ItemOrigin::environment},
                         {"threads", std::to_string(device.threads), ItemOrigin::environment},
                         {"instruction set", device.instruction_set, ItemOrigin::environment},
                         {"libraries", libraries, ItemOrigin::environment}});
}

void fill_on_host(Device& device, ParameterStore& parameters, const std::function<void()>& fill) {
  if (device.info().kind == DeviceKind::cpu) {
    fill();
  } else {
    const BoundToHost host(parameters);
    fill();
    host.copy_to(device);
  }
  device.layer_ops().weights_changed();
}

}  // namespace bertyard
