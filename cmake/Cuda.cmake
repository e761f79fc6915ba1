# SPDX-License-Identifier: Apache-2.0
# The CUDA toolkit: BERTYARD_HAVE_CUDA, and the CUDA language where it was found.
set(BERTYARD_HAVE_CUDA OFF)
if(BERTYARD_CUDA STREQUAL "OFF")
  return()
endif()

find_program(
  BERTYARD_NVCC nvcc
  HINTS $ENV{CUDA_HOME}/bin $ENV{CUDA_PATH}/bin /usr/local/cuda/bin)
mark_as_advanced(BERTYARD_NVCC)
if(NOT BERTYARD_NVCC AND NOT CMAKE_CUDA_COMPILER)
  if(BERTYARD_CUDA STREQUAL "ON")
    message(FATAL_ERROR "CUDA was asked for but nvcc was not found; install the CUDA toolkit, 13.0 "
                        "or newer, and set CUDA_HOME to it")
  endif()
  return()
endif()
if(NOT CMAKE_CUDA_COMPILER)
  set(CMAKE_CUDA_COMPILER ${BERTYARD_NVCC} CACHE FILEPATH "CUDA compiler")
endif()
if(NOT CMAKE_CUDA_ARCHITECTURES)
  set(CMAKE_CUDA_ARCHITECTURES 90a-real CACHE STRING "GPUs to compile for")
endif()
enable_language(CUDA)
set(CMAKE_CUDA_STANDARD 20)
set(CMAKE_CUDA_STANDARD_REQUIRED ON)
set(CMAKE_CUDA_EXTENSIONS OFF)
# CMake 3.25 does not know that nvcc 12 and later take it.
set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION "-std=c++20")
set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION "-std=c++20")
find_package(CUDAToolkit 12.8 REQUIRED)
set(BERTYARD_HAVE_CUDA ON)
