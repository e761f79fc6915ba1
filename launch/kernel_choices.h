// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "core/backend/device.h"
#include "parallel/control_plane.h"

namespace bertyard {

// The algorithms that a GPU's matrix products take, kept in the run's directory so that a resumed
// run takes the same ones without a search: design, 4.5. A CPU makes no such choices, and nothing
// is exchanged or written. `directory` is that of rank 0, empty elsewhere.

// Rank 0's file, where there is one, to all ranks. Every rank makes this call.
void share_kernel_choices(const std::filesystem::path& directory, ControlPlane& control,
                          Device& device);
void save_kernel_choices(const std::filesystem::path& directory, const Device& device);

}  // namespace bertyard
