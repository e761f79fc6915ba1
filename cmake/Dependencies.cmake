# SPDX-License-Identifier: Apache-2.0
# Finds what the build may use. Required packages stop the configuration with the name of the
# Debian package; optional ones choose between a real file and its *_absent.cpp. What the static
# libraries link stands in bertyardConfig.cmake.in once more, for who links the installed ones.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(OpenMP REQUIRED COMPONENTS CXX)
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(CLI11 REQUIRED)
find_package(ZLIB REQUIRED)
if(NOT TARGET yaml-cpp::yaml-cpp)
  add_library(yaml-cpp::yaml-cpp ALIAS yaml-cpp) # 0.7 names its target without a namespace
endif()
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(HWLOC REQUIRED IMPORTED_TARGET hwloc)
pkg_check_modules(HDF5 REQUIRED IMPORTED_TARGET hdf5-serial) # never the MPI flavour: design, section 8
pkg_check_modules(UTF8PROC REQUIRED IMPORTED_TARGET libutf8proc)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)

find_package(OpenBlasOpenMP REQUIRED)

set(BERTYARD_HAVE_ONEDNN OFF)
if(NOT BERTYARD_ONEDNN STREQUAL "OFF")
  find_package(OneDnn QUIET)
  if(OneDnn_FOUND)
    set(BERTYARD_HAVE_ONEDNN ON)
  elseif(BERTYARD_ONEDNN STREQUAL "ON")
    message(FATAL_ERROR "oneDNN was asked for but not found; install libdnnl-dev")
  endif()
endif()

set(BERTYARD_HAVE_MPI OFF)
if(NOT BERTYARD_MPI STREQUAL "OFF")
  set(MPI_CXX_SKIP_MPICXX ON) # Open MPI 4.1's mpi.h pulls in dead C++ bindings
  find_package(MPI COMPONENTS CXX)
  if(MPI_CXX_FOUND)
    set(BERTYARD_HAVE_MPI ON)
  elseif(BERTYARD_MPI STREQUAL "ON")
    message(FATAL_ERROR "MPI was asked for but not found; install libopenmpi-dev")
  endif()
endif()

include(Cuda)

set(BERTYARD_HAVE_NCCL OFF)
if(BERTYARD_HAVE_CUDA)
  find_package(Nccl QUIET)
  set(BERTYARD_HAVE_NCCL ${Nccl_FOUND})
  if(NOT Nccl_FOUND AND BERTYARD_HAVE_MPI)
    message(WARNING "NCCL is not found (libnccl-dev, or NCCL_HOME): ranks will join their GPUs "
                    "through the host's memory only")
  endif()
endif()
