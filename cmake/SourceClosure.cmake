# SPDX-License-Identifier: Apache-2.0
# bertyard_source_closure(OUT FILE...): FILE... and every source that they need, by names: what includes
# X.h needs X.cpp, and what that includes likewise. Files are named from the root. A source that is named
# after no header has to be among FILE... . For programs that need little of a library; that something
# is missing shows when they are linked.
function(bertyard_source_closure out)
  set(pending ${ARGN})
  set(seen "")
  while(pending)
    list(POP_FRONT pending file)
    if(file IN_LIST seen OR NOT EXISTS ${CMAKE_SOURCE_DIR}/${file})
      continue()
    endif()
    list(APPEND seen ${file})
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${file})
    file(STRINGS ${CMAKE_SOURCE_DIR}/${file} includes REGEX "^#include \"")
    foreach(include IN LISTS includes)
      string(REGEX REPLACE "^#include \"([^\"]+)\".*" "\\1" header "${include}")
      string(REGEX REPLACE "\\.h$" ".cpp" source "${header}")
      list(APPEND pending ${header} ${source})
    endforeach()
  endwhile()
  list(FILTER seen INCLUDE REGEX "\\.cpp$")
  set(${out} ${seen} PARENT_SCOPE)
endfunction()
