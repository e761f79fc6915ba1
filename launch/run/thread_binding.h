// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "core/backend/device.h"
#include "parallel/control_plane.h"
#include "train/options.h"

namespace bertyard {

// What decides where a rank's threads go.
struct BindingFacts {
  int threads = 1;              // of this rank
  int machine_cores = 1;        // cores that this host lets the process have at all
  std::vector<int> cores = {};  // of these, the ones that the launcher left this process
  int place = 0, sharers = 1;   // among the ranks of this host with the same cores
  bool by_environment = false;  // OMP_PROC_BIND and the like: the user has said it
};

// Where they go: cores by their place in the list of the machine's; empty: nowhere, and why.
struct BindingChoice {
  std::vector<int> cores = {};  // one a thread
  std::string why;
};

// Threads go to cores of their own where the ranks of this host take all of its cores, or where the
// launcher has given the ranks fewer. Elsewhere a second program may run beside, and would be bound
// to the same cores.
BindingChoice choose_binding(const BindingFacts& facts);

// Binds the threads of OpenMP's pool for teams of as many as the device computes with and returns
// what the banner says of it. Thread 0, from which helper threads inherit, may use all cores of the
// rank. The threads of a rank on a GPU, which only feed it, may all use every core beside the GPU
// that the launcher left them. Every rank makes this call.
std::string bind_threads(ThreadBinding binding, const DeviceInfo& device, ControlPlane& control);

}  // namespace bertyard
