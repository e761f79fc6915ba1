# SPDX-License-Identifier: Apache-2.0
# What this build is made of, one "name|value" a row: printed at the end of the configuration and by
# `bertyard version --build`.
function(bertyard_header_version result file pattern)
  set(version "version unknown")
  if(EXISTS "${file}")
    file(STRINGS "${file}" line REGEX "${pattern}" LIMIT_COUNT 1)
    string(REGEX MATCH "[0-9]+[0-9.]*" found "${line}")
    if(found)
      set(version "${found}")
    endif()
  endif()
  set(${result} "${version}" PARENT_SCOPE)
endfunction()

set(openblas_header ${OPENBLAS_INCLUDE_DIR}/openblas_config.h)
bertyard_header_version(openblas_version ${openblas_header} "define OPENBLAS_VERSION")

set(onednn_text "absent")
if(BERTYARD_HAVE_ONEDNN)
  set(parts)
  foreach(part MAJOR MINOR PATCH)
    bertyard_header_version(number ${ONEDNN_INCLUDE_DIR}/oneapi/dnnl/dnnl_version.h
                            "define DNNL_VERSION_${part} ")
    list(APPEND parts ${number})
  endforeach()
  list(JOIN parts "." onednn_text)
endif()

set(cuda_text "absent")
if(BERTYARD_HAVE_CUDA)
  set(cuda_text "${CUDAToolkit_VERSION} for ${CMAKE_CUDA_ARCHITECTURES}")
  string(REPLACE ";" ", " cuda_text "${cuda_text}")
endif()

set(nccl_text "absent")
if(BERTYARD_HAVE_NCCL)
  set(nccl_text "${Nccl_VERSION}")
endif()

set(mpi_text "absent")
if(BERTYARD_HAVE_MPI)
  set(mpi_text "standard ${MPI_CXX_VERSION}")
  pkg_check_modules(OMPI QUIET ompi)
  if(OMPI_FOUND)
    string(PREPEND mpi_text "Open MPI ${OMPI_VERSION}, ")
  endif()
endif()

string(TOUPPER "${CMAKE_BUILD_TYPE}" build_type)
string(STRIP "${CMAKE_CXX_FLAGS} ${CMAKE_CXX_FLAGS_${build_type}}" compiler_flags)

set(BERTYARD_BUILD_TABLE
    "compiler|${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}"
    "build type|${CMAKE_BUILD_TYPE}"
    "flags|${compiler_flags}"
    "system|${CMAKE_SYSTEM_NAME} ${CMAKE_SYSTEM_PROCESSOR}"
    "OpenMP|${OpenMP_CXX_VERSION}"
    "MPI|${mpi_text}"
    "CUDA|${cuda_text}"
    "NCCL|${nccl_text}"
    "OpenBLAS|${openblas_version}"
    "oneDNN|${onednn_text}"
    "HDF5|${HDF5_VERSION} serial"
    "hwloc|${HWLOC_VERSION}"
    "fmt|${fmt_VERSION}"
    "yaml-cpp|${yaml-cpp_VERSION}"
    "CLI11|${CLI11_VERSION}"
    "nlohmann-json|${nlohmann_json_VERSION}"
    "xxHash|${XXHASH_VERSION}"
    "utf8proc|${UTF8PROC_VERSION} by its .pc"
    "zlib|${ZLIB_VERSION_STRING}"
    "zstd|${ZSTD_VERSION}")
