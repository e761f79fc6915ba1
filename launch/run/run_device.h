// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/backend/device.h"
#include "core/nn/parameters.h"
#include "launch/config/run_config.h"
#include "parallel/control_plane.h"

namespace bertyard {

// A rank among those of its host: they share its cores, and each takes a GPU.
struct HostPlace {
  int gpu = 0;  // what choose_gpu() said
  int local_size = 1;
};

// What parallel.backend says. Throws EnvironmentError where there is no such device, where it
// cannot be used, and for a precision that it does not have; UsageError where parallel.comm joins
// GPUs and this is the CPU.
std::unique_ptr<Device> make_run_device(const RunConfig& config, const HostPlace& place);

// The same for distillation, whose losses only the CPU has: `auto` is the CPU.
std::unique_ptr<Device> make_teaching_device(const RunConfig& config, const HostPlace& place);

// What decides the bits of a run beside its configuration: design, 4.5. `kernel_choices` is what
// share_kernel_choices() said, `hosts` those of the ranks: fast sums add the ranks of a host first.
// Ordered reduction depends on neither, but on how a step is cut into leaves.
std::map<std::string, std::string> computing_environment(const DeviceInfo& device,
                                                         const std::string& kernel_choices,
                                                         const ParallelOptions& parallel,
                                                         const std::vector<std::string>& hosts);

// Throws EnvironmentError on every rank where their devices, threads, instruction sets or libraries
// are not the same; which kernels a library chose by the processor counts in ordered reduction
// alone. Every rank makes this call.
void check_same_devices(ControlPlane& control, const DeviceInfo& device, Reduction reduction);

// Calls `fill` while the parameters stand in host memory, zeros at first where that is not the
// device's, and moves them to the device. Waits for it.
void fill_on_host(Device& device, ParameterStore& parameters, const std::function<void()>& fill);

}  // namespace bertyard
