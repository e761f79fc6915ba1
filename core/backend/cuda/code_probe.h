// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace bertyard {

// A kernel that does nothing, compiled for what all others are compiled for.
const void* code_probe();

}  // namespace bertyard
