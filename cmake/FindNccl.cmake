# SPDX-License-Identifier: Apache-2.0
# Nccl::Nccl: NCCL beside the CUDA toolkit, where NCCL_HOME says, or where the system has it.
find_path(
  Nccl_INCLUDE_DIR nccl.h
  HINTS $ENV{NCCL_HOME} ${CUDAToolkit_INCLUDE_DIRS}
  PATH_SUFFIXES include)
find_library(
  Nccl_LIBRARY nccl
  HINTS $ENV{NCCL_HOME} ${CUDAToolkit_LIBRARY_DIR}
  PATH_SUFFIXES lib lib64)
mark_as_advanced(Nccl_INCLUDE_DIR Nccl_LIBRARY)

if(Nccl_INCLUDE_DIR)
  file(STRINGS ${Nccl_INCLUDE_DIR}/nccl.h nccl_lines REGEX "#define NCCL_(MAJOR|MINOR|PATCH) ")
  string(REGEX REPLACE "[^0-9;]" "" nccl_numbers "${nccl_lines}")
  list(JOIN nccl_numbers "." Nccl_VERSION)
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(
  Nccl
  REQUIRED_VARS Nccl_LIBRARY Nccl_INCLUDE_DIR
  VERSION_VAR Nccl_VERSION)
if(Nccl_FOUND AND NOT TARGET Nccl::Nccl)
  add_library(Nccl::Nccl UNKNOWN IMPORTED)
  set_target_properties(Nccl::Nccl PROPERTIES IMPORTED_LOCATION ${Nccl_LIBRARY}
                                              INTERFACE_INCLUDE_DIRECTORIES ${Nccl_INCLUDE_DIR})
endif()
