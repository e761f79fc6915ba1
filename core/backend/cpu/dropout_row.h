// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include "core/backend/cpu/kernels/kernels.h"
#include "core/backend/layer_ops.h"

namespace bertyard {

// Turns a Dropout into the row decisions that the kernels take. Checks once, at construction, that
// sample and position fit `rows`, and that the probability is in [0, 1).
class DropoutRows {
 public:
  DropoutRows(std::string_view operation, const Dropout& dropout, std::int64_t rows);

  bool active() const { return row_.threshold != 0; }
  // For hidden channels; set first_block for attention probabilities.
  DropoutRow row(std::int64_t token) const;
  const std::uint64_t* sample() const { return sample_; }
  const std::int32_t* position() const { return position_; }

 private:
  DropoutRow row_;
  const std::uint64_t* sample_ = nullptr;
  const std::int32_t* position_ = nullptr;
};

}  // namespace bertyard
