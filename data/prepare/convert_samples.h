// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "data/samples/sample_source.h"
#include "data/shards/manifest.h"

namespace bertyard {

// What names the files behind `path` (a file or a directory of them) without reading them: names,
// sizes and times of change. Throws DataError.
std::uint64_t source_stamp(const std::filesystem::path& path);

// Whose vocabulary the ids are taken to be from: other programs' files do not say.
struct ConvertOptions {
  std::uint64_t vocabulary_hash = 0;
  std::uint32_t vocabulary_size = 0;
  std::uint64_t shard_bytes = 256ull << 20;
};

// Samples of another program's layout (is_foreign_layout) -> shards with their manifest, in the
// same order with the same masks and labels, in `out`, which appears when it is complete. Files are
// read one at a time. Throws DataError for samples that are not [CLS] A [SEP] B [SEP] without
// holes, UsageError where `out` holds other files, IoError.
Manifest convert_to_shards(const std::filesystem::path& source, const std::filesystem::path& out,
                           const ConvertOptions& options);

// The manifest in `out` when it was converted from these files, as they are now, with these
// options.
std::optional<Manifest> finished_conversion(const std::filesystem::path& source,
                                            const std::filesystem::path& out,
                                            const ConvertOptions& options);

}  // namespace bertyard
