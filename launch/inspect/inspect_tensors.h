// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "train/files/safetensors.h"

namespace bertyard {

// What the values of a tensor look like. Values that are not finite are counted and left out of
// everything else.
struct TensorFigures {
  double norm = 0;  // L2
  double mean = 0;
  double deviation = 0;
  float least = 0;
  float greatest = 0;
  std::uint64_t zeros = 0;
  std::uint64_t not_finite = 0;
};
TensorFigures tensor_figures(const std::vector<float>& values);

// All tensors of a file as a table: shape, type, norm, least and greatest value. Of types that are
// no floating-point numbers only the first two.
std::string tensors_text(const SafetensorsFile& file);

// One tensor of the first file that has it: figures and the first values, as rows of its last
// extent. Throws UsageError, with the nearest name, where none has it.
std::string tensor_text(const std::vector<const SafetensorsFile*>& files, const std::string& name);

}  // namespace bertyard
