// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "train/checkpoint/checkpoint.h"

namespace bertyard {

struct CheckpointFile {
  std::string name;
  std::uint64_t bytes = 0;
  std::uint64_t hash = 0;  // XXH3 of the whole file
  bool operator==(const CheckpointFile&) const = default;
};

// manifest.json: the state of the run and the checksum of every other file.
struct CheckpointManifest {
  CheckpointState state;
  std::vector<CheckpointFile> files;
};

// JSON whose last line holds the XXH3 of everything above it, so that no byte of the file itself
// goes unchecked.
std::string manifest_text(const CheckpointManifest& manifest);

// Throws DataError, beginning with `where`, on any damage and on another format version.
CheckpointManifest parse_manifest(std::string_view text, const std::string& where);

// DIRECTORY/manifest.json alone, without a look at the other files.
CheckpointManifest read_checkpoint_manifest(const std::filesystem::path& directory);

}  // namespace bertyard
