// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace bertyard {

// What backward computes a second time instead of finding it kept by forward. The bits are the
// same: dropout is keyed, and the operations are those of the first time.
enum class Recompute {
  none,
  layers,  // of an encoder layer its input alone is kept: a third more work, a fraction of memory
};

}  // namespace bertyard
