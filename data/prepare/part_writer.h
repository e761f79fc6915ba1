// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "data/prepare/prepare.h"
#include "data/prepare/split_corpus.h"
#include "data/shards/manifest.h"
#include "data/tokenizer/vocabulary.h"

namespace bertyard {

// The manifest of `directory` when it is complete and was made with these parameters.
std::optional<Manifest> finished_part(const std::filesystem::path& directory,
                                      const ShardParameters& parameters);

// The same, whatever the text was.
std::optional<Manifest> finished_part_of_any_source(const std::filesystem::path& directory,
                                                    ShardParameters parameters);

// Puts a complete directory in the place of another.
void put_in_place(const std::filesystem::path& temporary, const std::filesystem::path& directory);

// Throws UsageError when `directory` holds anything that prepare did not make.
void check_replaceable(const std::filesystem::path& directory);

// Builds the samples of one part, shuffles them, and puts shards and manifest into `directory`,
// which is replaced as a whole when they are complete. Throws IoError, DataError.
Manifest write_part(const std::filesystem::path& directory, const ShardParameters& parameters,
                    const CorpusSplit& part, const Vocabulary& vocabulary,
                    const ProgressCallback& progress);

}  // namespace bertyard
