// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "parallel/mpi_world.h"

namespace bertyard::testing {

// The ranks that a program of bertyard_mpi_test() runs on; every test runs on all of them.
MpiWorld& mpi_world();

}  // namespace bertyard::testing
