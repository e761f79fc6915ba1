# SPDX-License-Identifier: Apache-2.0
# One interface target carries the warnings; every target of ours links it privately.
add_library(bertyard_warnings INTERFACE)
target_compile_options(
  bertyard_warnings
  INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wall
            -Wextra
            -Wshadow
            -Wnon-virtual-dtor
            -Woverloaded-virtual
            -Wcast-qual
            -Wimplicit-fallthrough
            -Wundef>)
if(BERTYARD_WERROR)
  target_compile_options(bertyard_warnings INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Werror>)
endif()
