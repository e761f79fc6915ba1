// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace bertyard {

// Whether this build has the GPU backend, be there a GPU or not.
bool built_with_cuda();

}  // namespace bertyard
