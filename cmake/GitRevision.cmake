# SPDX-License-Identifier: Apache-2.0
# Run at every build: writes OUTPUT with the revision of SOURCE_DIR, and only when it has changed.
set(revision "unknown")
find_program(GIT_PROGRAM git)
if(GIT_PROGRAM)
  execute_process(
    COMMAND ${GIT_PROGRAM} -C ${SOURCE_DIR} describe --always --dirty --abbrev=12 --exclude *
    OUTPUT_VARIABLE described
    RESULT_VARIABLE failed
    ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
  if(NOT failed)
    set(revision "${described}")
  endif()
endif()
file(CONFIGURE OUTPUT ${OUTPUT} CONTENT
     "#pragma once\ninline constexpr char kGitRevision[] = \"@revision@\";\n" @ONLY)
