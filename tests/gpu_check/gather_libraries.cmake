# SPDX-License-Identifier: Apache-2.0
# Copies into FOLDER the shared libraries that PROGRAM loads, without glibc's and CUDA's.
file(
  GET_RUNTIME_DEPENDENCIES
  EXECUTABLES ${PROGRAM}
  RESOLVED_DEPENDENCIES_VAR found
  UNRESOLVED_DEPENDENCIES_VAR missing
  PRE_EXCLUDE_REGEXES "^lib(cu|nv)" "^ld-linux" "^lib(c|m|dl|rt|pthread)[.]so"
  POST_EXCLUDE_REGEXES "^${FOLDER}/")
if(missing)
  message(FATAL_ERROR "${PROGRAM}: not found: ${missing}")
endif()
foreach(library IN LISTS found)
  file(COPY ${library} DESTINATION ${FOLDER} FOLLOW_SYMLINK_CHAIN)
endforeach()
