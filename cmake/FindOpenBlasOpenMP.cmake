# SPDX-License-Identifier: Apache-2.0
# OpenBLAS, the flavour that shares libgomp with us: OpenBlasOpenMP::OpenBlasOpenMP. The pthread
# flavour has the same soname, so the directory also goes into the run path of whatever links it.
# Installed with the package, whose static libraries need it.
include(FindPackageHandleStandardArgs)
find_library(
  OPENBLAS_LIBRARY
  NAMES openblas
  PATH_SUFFIXES openblas-openmp ${CMAKE_LIBRARY_ARCHITECTURE}/openblas-openmp)
find_path(
  OPENBLAS_INCLUDE_DIR
  NAMES cblas.h
  PATH_SUFFIXES openblas-openmp ${CMAKE_LIBRARY_ARCHITECTURE}/openblas-openmp openblas)
find_package_handle_standard_args(
  OpenBlasOpenMP REQUIRED_VARS OPENBLAS_LIBRARY OPENBLAS_INCLUDE_DIR
  REASON_FAILURE_MESSAGE "install libopenblas-openmp-dev")
if(OpenBlasOpenMP_FOUND AND NOT TARGET OpenBlasOpenMP::OpenBlasOpenMP)
  cmake_path(GET OPENBLAS_LIBRARY PARENT_PATH openblas_directory)
  add_library(OpenBlasOpenMP::OpenBlasOpenMP UNKNOWN IMPORTED)
  set_target_properties(
    OpenBlasOpenMP::OpenBlasOpenMP
    PROPERTIES IMPORTED_LOCATION ${OPENBLAS_LIBRARY}
               INTERFACE_INCLUDE_DIRECTORIES ${OPENBLAS_INCLUDE_DIR}
               INTERFACE_LINK_OPTIONS "LINKER:-rpath,${openblas_directory}")
endif()
