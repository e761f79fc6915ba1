// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "parallel/mpi_world.h"

namespace bertyard {

// Throws EnvironmentError with MPI's own words when `code` is not MPI_SUCCESS.
void check_mpi(int code, const char* call);

// What the MPI files need of each other. `mpi_thread` runs the calls; what MPI has to release is
// added to `at_finalize`.
std::unique_ptr<Communicator> make_mpi_communicator(
    const MpiWorld::Place& place, NodeSums node_sums, JobQueue& mpi_thread,
    std::vector<std::function<void()>>& at_finalize);
std::unique_ptr<ControlPlane> make_mpi_control_plane(
    const MpiWorld::Place& place, JobQueue& mpi_thread,
    std::vector<std::function<void()>>& at_finalize);

}  // namespace bertyard
