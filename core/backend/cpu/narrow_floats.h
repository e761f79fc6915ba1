// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/tensor/dtype.h"

namespace bertyard {

// Conversions between float and the 16-bit types, rounding to nearest even; NaN stays NaN, and what
// is too large for f16 becomes infinite.
BFloat16 to_bfloat16(float value);
float to_float(BFloat16 value);
Float16 to_float16(float value);
float to_float(Float16 value);

}  // namespace bertyard
