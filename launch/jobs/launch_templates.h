// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace bertyard {

// The files of launch/templates, which the build puts into the program.
std::string_view slurm_template();
std::string_view mpirun_template();

// Puts `values` in the places @NAME@ of a template. A line that is nothing but a place whose value
// is empty goes. Throws Error when a place has no value or a value no place.
std::string fill_template(std::string_view text, const std::map<std::string, std::string>& values);

}  // namespace bertyard
