// SPDX-License-Identifier: Apache-2.0
#include "core/backend/cuda/select_device.h"

#include <utility>

#include <fmt/format.h>

#include "core/backend/built_with.h"
#include "core/backend/cuda/code_probe.h"
#include "core/backend/cuda/cuda_error.h"
#include "core/base/error.h"

namespace bertyard {
namespace {

std::string version_text(int version) {
  return fmt::format("{}.{}", version / 1000, version % 1000 / 10);
}

// The one call that finds out whether there is anything to work with.
struct DeviceCount {
  cudaError_t code = cudaSuccess;
  int count = 0;
  int driver = 0;  // 0: none

  bool no_driver() const { return code == cudaErrorInsufficientDriver && driver == 0; }
  bool no_device() const {
    return code == cudaErrorNoDevice || (code == cudaSuccess && count == 0);
  }
};

DeviceCount ask_driver() {
  DeviceCount found;
  found.code = cudaGetDeviceCount(&found.count);
  static_cast<void>(cudaGetLastError());
  static_cast<void>(cudaDriverGetVersion(&found.driver));
  return found;
}

int count_devices() {
  const DeviceCount found = ask_driver();
  const std::string needed = version_text(CUDART_VERSION);
  if (found.no_driver()) {
    throw EnvironmentError(fmt::format(
        "no GPU: this machine has no NVIDIA driver (libcuda.so.1 was not found); install one for "
        "CUDA {} or newer, or set parallel.backend to cpu",
        needed));
  }
  if (found.code == cudaErrorInsufficientDriver) {
    throw EnvironmentError(
        fmt::format("the NVIDIA driver is too old: it is for CUDA {}, this program needs {}; "
                    "update the driver, or set parallel.backend to cpu",
                    version_text(found.driver), needed));
  }
  if (found.no_device()) {
    throw EnvironmentError(
        "no GPU: the NVIDIA driver sees no device; look at nvidia-smi and CUDA_VISIBLE_DEVICES, or "
        "set parallel.backend to cpu");
  }
  BERTYARD_CHECK_CUDA(found.code);
  return found.count;
}

// Whether the build has code for this GPU shows in any of its kernels.
void check_code(int number, const cudaDeviceProp& properties) {
  cudaFuncAttributes attributes = {};
  const cudaError_t code = cudaFuncGetAttributes(&attributes, code_probe());
  if (code == cudaErrorNoKernelImageForDevice || code == cudaErrorInvalidDeviceFunction) {
    throw EnvironmentError(fmt::format(
        "GPU {} ({}) is an sm_{}{}, for which this build has no code; configure it with "
        "-DCMAKE_CUDA_ARCHITECTURES={}{} or the preset 'cuda', which has all",
        number, properties.name, properties.major, properties.minor, properties.major,
        properties.minor));
  }
  BERTYARD_CHECK_CUDA(code);
}

}  // namespace

int cuda_device_count() {
  const DeviceCount found = ask_driver();
  if (found.no_driver() || found.no_device()) return 0;
  return found.code == cudaSuccess ? found.count : 1;
}

std::vector<std::string> cuda_device_ids() {
  std::vector<std::string> ids;
  const DeviceCount found = ask_driver();
  // Where the driver itself is in trouble every rank tries GPU 0, and says what is the matter.
  const int count = found.code == cudaSuccess ? found.count : 0;
  for (int number = 0; number < count; ++number) {
    cudaDeviceProp properties;
    if (cudaGetDeviceProperties(&properties, number) != cudaSuccess) {
      static_cast<void>(cudaGetLastError());  // whoever takes that GPU says why it is of no use
      ids.push_back(fmt::format("number-{}", number));
      continue;
    }
    std::string id = "GPU-";
    for (const char byte : properties.uuid.bytes) {
      id += fmt::format("{:02x}", static_cast<unsigned char>(byte));
    }
    ids.push_back(std::move(id));
  }
  return ids;
}

SelectedDevice select_cuda_device(int local_rank) {
  const int count = count_devices();
  if (local_rank < 0 || local_rank >= count) {
    throw EnvironmentError(fmt::format(
        "rank {} of this node wants GPU {}, and the node has {} (numbered from 0); start one rank "
        "for each GPU, or set parallel.comm to host so that ranks share them",
        local_rank, local_rank, count));
  }
  BERTYARD_CHECK_CUDA(cudaSetDevice(local_rank));
  cudaDeviceProp properties;
  BERTYARD_CHECK_CUDA(cudaGetDeviceProperties(&properties, local_rank));
  if (properties.major < 8) {
    throw EnvironmentError(
        fmt::format("GPU {} ({}) has compute capability {}.{}; 8.0 or later is needed", local_rank,
                    properties.name, properties.major, properties.minor));
  }
  check_code(local_rank, properties);
  int driver = 0, runtime = 0;
  BERTYARD_CHECK_CUDA(cudaDriverGetVersion(&driver));
  BERTYARD_CHECK_CUDA(cudaRuntimeGetVersion(&runtime));
  return {.name = properties.name,
          .architecture = fmt::format("sm_{}{}", properties.major, properties.minor),
          .versions = fmt::format("CUDA runtime {}, driver {}", version_text(runtime),
                                  version_text(driver)),
          .memory_bytes = properties.totalGlobalMem,
          .multiprocessors = properties.multiProcessorCount,
          .shared_bytes = static_cast<int>(properties.sharedMemPerBlockOptin),
          .pci_bus = fmt::format("{:04x}:{:02x}:{:02x}.0", properties.pciDomainID,
                                 properties.pciBusID, properties.pciDeviceID)};
}

}  // namespace bertyard
