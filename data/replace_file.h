// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string_view>

namespace bertyard {

// Puts `content` at `path`, so that a reader at any instant, and a machine that loses power, finds
// the old file or the new one and nothing between: temporary name in the same directory, fsync,
// rename, fsync of the directory. Throws IoError and removes the temporary file.
void replace_file(const std::filesystem::path& path, std::string_view content);

}  // namespace bertyard
