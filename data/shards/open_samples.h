// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>

#include "data/samples/sample_source.h"

namespace bertyard {

// Opens, by content: a directory with manifest.json, the manifest itself, one shard (with the
// checksums of a manifest beside it if there is one), a file in NVIDIA's fixed or MLPerf's
// variable-length or packed layout, or a directory of such files.
std::unique_ptr<SampleSource> open_samples(const std::filesystem::path& path,
                                           const SampleExpectations& expectations = {});

// Whether they are in another program's layout, which is read whole into memory. Looks at the first
// file of a directory. Throws DataError as open_samples() does.
bool is_foreign_layout(const std::filesystem::path& path);

// Whether there is a manifest beside the file that names it. Throws DataError where it is damaged.
bool is_named_by_manifest(const std::filesystem::path& file);

}  // namespace bertyard
