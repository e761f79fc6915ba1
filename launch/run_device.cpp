// SPDX-License-Identifier: Apache-2.0
#include "launch/run_device.h"

#include <string>

#include "core/backend/built_with.h"
#include "core/base/error.h"
#include "launch/cpu_threads.h"

namespace bertyard {
namespace {

std::string name_of(InstructionSet instruction_set) {
  switch (instruction_set) {
    case InstructionSet::automatic:
      return "";
    case InstructionSet::avx512:
      return "avx512";
    case InstructionSet::avx2:
      return "avx2";
    case InstructionSet::generic:
      return "generic";
  }
  return "";
}

std::unique_ptr<Device> run_cpu_device(const ParallelOptions& options, int ranks_on_host) {
  CpuOptions cpu;
  cpu.threads = cpu_threads(options.threads, ranks_on_host);
  cpu.instruction_set = name_of(options.instruction_set);
  return make_cpu_device(cpu);
}

}  // namespace

std::unique_ptr<Device> make_run_device(const RunConfig& config, const HostPlace& place) {
  const BackendChoice choice = config.parallel.backend;
  const CudaOptions cuda{.local_rank = place.local_rank,
                         .tf32 = config.precision == Precision::tf32};
  if (choice == BackendChoice::cuda) return make_cuda_device(cuda);
  if (choice == BackendChoice::automatic && built_with_cuda()) {
    try {
      return make_cuda_device(cuda);
    } catch (const EnvironmentError&) {
      // What `auto` means: the banner says which device it came to.
    }
  }
  return run_cpu_device(config.parallel, place.local_size);
}

}  // namespace bertyard
