// SPDX-License-Identifier: Apache-2.0
// Stands in for the mpi_*.cpp files in a build without MPI.
#include <cstdlib>

#include "core/base/error.h"
#include "parallel/mpi_world.h"

namespace bertyard {
namespace {

[[noreturn]] void throw_absent() {
  throw EnvironmentError(
      "built without MPI: this program runs as one rank only; install libopenmpi-dev and configure "
      "again with -DBERTYARD_MPI=ON, or start it without mpirun and srun");
}

}  // namespace

bool built_with_mpi() {
  return false;
}
std::string mpi_library() {
  return {};
}

MpiWorld::MpiWorld(const WorldStart& /*start*/) {
  throw_absent();
}
MpiWorld::~MpiWorld() = default;
std::unique_ptr<Communicator> MpiWorld::make_communicator(NodeSums /*node_sums*/) {
  throw_absent();
}
std::unique_ptr<Communicator> MpiWorld::make_communicator(const Place& /*place*/) {
  throw_absent();
}
std::unique_ptr<ControlPlane> MpiWorld::make_control_plane() {
  throw_absent();
}
void MpiWorld::finalize() {
  throw_absent();
}
void MpiWorld::abort(int exit_code) {
  std::_Exit(exit_code);
}

}  // namespace bertyard
