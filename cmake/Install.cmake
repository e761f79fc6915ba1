# SPDX-License-Identifier: Apache-2.0
# `cmake --install build/cpu --prefix DIR`: the program, and core, parallel, data and train as static
# libraries with their headers for find_package(bertyard). launch is the program alone. The program
# carries the presets; share/ has them for people.
include(CMakePackageConfigHelpers)
set(package_directory ${CMAKE_INSTALL_LIBDIR}/cmake/bertyard)

install(TARGETS bertyard RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
set(libraries core parallel data train)
foreach(library IN LISTS libraries)
  set_target_properties(bertyard_${library} PROPERTIES EXPORT_NAME ${library})
  install(
    TARGETS bertyard_${library}
    EXPORT bertyard_targets
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
endforeach()
install(
  DIRECTORY ${libraries}
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/bertyard
  FILES_MATCHING
  PATTERN "*.h"
  PATTERN "core/backend/cpu" EXCLUDE
  PATTERN "core/backend/cuda" EXCLUDE)
install(DIRECTORY configs/presets DESTINATION ${CMAKE_INSTALL_DATADIR}/bertyard)
install(FILES LICENSE README.md DESTINATION ${CMAKE_INSTALL_DOCDIR})

install(
  EXPORT bertyard_targets
  NAMESPACE bertyard::
  FILE bertyardTargets.cmake
  DESTINATION ${package_directory})
configure_package_config_file(
  cmake/bertyardConfig.cmake.in ${CMAKE_BINARY_DIR}/bertyardConfig.cmake
  INSTALL_DESTINATION ${package_directory} NO_SET_AND_CHECK_MACRO)
# Below 1.0 a new minor version may break what is built on the libraries.
write_basic_package_version_file(${CMAKE_BINARY_DIR}/bertyardConfigVersion.cmake
                                 COMPATIBILITY SameMinorVersion)
install(
  FILES ${CMAKE_BINARY_DIR}/bertyardConfig.cmake ${CMAKE_BINARY_DIR}/bertyardConfigVersion.cmake
        cmake/FindOpenBlasOpenMP.cmake cmake/FindOneDnn.cmake cmake/FindNccl.cmake
  DESTINATION ${package_directory})
