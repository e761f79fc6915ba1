// SPDX-License-Identifier: Apache-2.0
// Stands in for the nccl_*.cpp files in a build without NCCL.
#include "core/base/error.h"
#include "parallel/nccl_communicator.h"

namespace bertyard {

bool built_with_nccl() {
  return false;
}
std::string nccl_library() {
  return {};
}

std::unique_ptr<NcclCommunicator> make_nccl_communicator(Device& /*device*/, Communicator& /*host*/,
                                                         const NcclOptions& /*options*/) {
  throw EnvironmentError(
      "built without NCCL, which joins the GPUs of several ranks; configure with the preset 'cuda' "
      "on "
      "a machine with the CUDA toolkit and NCCL's headers (libnccl-dev), or set parallel.comm to "
      "host or parallel.backend to cpu");
}

}  // namespace bertyard
