// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include "core/base/log.h"
#include "data/tokenizer/vocabulary.h"
#include "parallel/control_plane.h"
#include "train/options.h"

namespace bertyard {

// The directory of shards that samples in another program's layout are converted to: in
// `cache` where that is named, else beside them.
std::filesystem::path cache_directory(const std::filesystem::path& samples,
                                      const std::string& cache);

// Training reads its samples in random order again and again, so those in NVIDIA's or MLPerf's
// layout are converted once, by rank 0, which says so; later runs find the cache. `data` then names
// the caches. Shards are left as they are.
void use_sample_caches(DataOptions& data, const Vocabulary& vocabulary, ControlPlane& control,
                       Logger& log);

}  // namespace bertyard
