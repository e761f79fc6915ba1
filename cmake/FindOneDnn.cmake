# SPDX-License-Identifier: Apache-2.0
# oneDNN: OneDnn::OneDnn. By hand, for Debian's CMake package wants OpenCL's development files.
# Installed with the package, whose static libraries may need it.
include(FindPackageHandleStandardArgs)
find_path(ONEDNN_INCLUDE_DIR NAMES oneapi/dnnl/dnnl.hpp)
find_library(ONEDNN_LIBRARY NAMES dnnl)
find_package_handle_standard_args(
  OneDnn REQUIRED_VARS ONEDNN_LIBRARY ONEDNN_INCLUDE_DIR
  REASON_FAILURE_MESSAGE "install libdnnl-dev")
if(OneDnn_FOUND AND NOT TARGET OneDnn::OneDnn)
  add_library(OneDnn::OneDnn UNKNOWN IMPORTED)
  set_target_properties(OneDnn::OneDnn PROPERTIES IMPORTED_LOCATION ${ONEDNN_LIBRARY}
                                                  INTERFACE_INCLUDE_DIRECTORIES ${ONEDNN_INCLUDE_DIR})
endif()
