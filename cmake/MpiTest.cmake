# SPDX-License-Identifier: Apache-2.0
# More ranks than cores and running as root must work; ranks with several threads are not bound.
set(BERTYARD_MPI_TEST_ENVIRONMENT
    OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
    OMPI_MCA_mpi_yield_when_idle=1 OMPI_MCA_hwloc_base_binding_policy=none OMP_WAIT_POLICY=passive)

# bertyard_mpi_test(collectives RANKS 1 2 4 LIBRARIES bertyard::parallel SOURCES a_test.cpp ...)
# One GoogleTest program, one test for each number of ranks: collectives_mpi_2 and so on. The
# program's main (tests/support/mpi_main.cpp) starts MPI, lets rank 0 speak, and fails when any rank
# failed. Defines nothing in a build without MPI.
function(bertyard_mpi_test name)
  cmake_parse_arguments(arg "" "" "RANKS;LIBRARIES;SOURCES" ${ARGN})
  if(NOT BERTYARD_HAVE_MPI)
    return()
  endif()
  set(program ${name}_mpi_tests)
  add_executable(${program} ${CMAKE_SOURCE_DIR}/tests/support/mpi_main.cpp ${arg_SOURCES})
  target_link_libraries(${program} PRIVATE bertyard_warnings bertyard::parallel ${arg_LIBRARIES}
                                           GTest::gmock GTest::gtest)
  target_compile_definitions(
    ${program} PRIVATE BERTYARD_SOURCE_DIR="${CMAKE_SOURCE_DIR}"
                       BERTYARD_PROGRAM="${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/bertyard")
  foreach(ranks IN LISTS arg_RANKS)
    set(test ${name}_mpi_${ranks})
    add_test(NAME ${test} COMMAND ${MPIEXEC_EXECUTABLE} ${MPIEXEC_NUMPROC_FLAG} ${ranks}
                                  $<TARGET_FILE:${program}>)
    set_tests_properties(${test} PROPERTIES TIMEOUT 60 PROCESSORS ${ranks}
                                            ENVIRONMENT "${BERTYARD_MPI_TEST_ENVIRONMENT}")
  endforeach()
endfunction()

# bertyard_mpi_run(NAME abort_mpi_2 RANKS 2 EXIT_CODE 5 COMMAND program abort)
# Runs a program under mpirun and compares the exit code that mpirun hands on. COMMAND starts with a
# target. Defines nothing in a build without MPI.
function(bertyard_mpi_run)
  cmake_parse_arguments(arg "" "NAME;RANKS;EXIT_CODE" "COMMAND" ${ARGN})
  if(NOT BERTYARD_HAVE_MPI)
    return()
  endif()
  list(POP_FRONT arg_COMMAND target)
  add_test(NAME ${arg_NAME}
           COMMAND sh -c "expected=$1; shift; \"$@\"; [ $? -eq $expected ]" sh ${arg_EXIT_CODE}
                   ${MPIEXEC_EXECUTABLE} ${MPIEXEC_NUMPROC_FLAG} ${arg_RANKS}
                   $<TARGET_FILE:${target}> ${arg_COMMAND})
  set_tests_properties(${arg_NAME} PROPERTIES TIMEOUT 60 PROCESSORS ${arg_RANKS}
                                              ENVIRONMENT "${BERTYARD_MPI_TEST_ENVIRONMENT}")
endfunction()
