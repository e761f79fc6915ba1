# SPDX-License-Identifier: Apache-2.0
# What was found, printed at the end of the configuration; `bertyard version --build` prints the
# same rows (cmake/BuildTable.cmake).
message(STATUS "")
message(STATUS "bertyard ${PROJECT_VERSION}")
foreach(row IN LISTS BERTYARD_BUILD_TABLE)
  string(REGEX MATCH "^([^|]*)[|](.*)$" cells "${row}")
  set(name "${CMAKE_MATCH_1}")
  set(value "${CMAKE_MATCH_2}")
  message(STATUS "  ${name}: ${value}")
endforeach()
message(STATUS "")
