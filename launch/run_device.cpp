// SPDX-License-Identifier: Apache-2.0
#include "launch/run_device.h"

#include <string>

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

}  // namespace

std::unique_ptr<Device> make_run_device(const ParallelOptions& options, int ranks_on_host) {
  CpuOptions cpu;
  cpu.threads = cpu_threads(options.threads, ranks_on_host);
  cpu.instruction_set = name_of(options.instruction_set);
  return make_cpu_device(cpu);
}

}  // namespace bertyard
