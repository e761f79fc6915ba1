// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "data/tokenizer/vocabulary.h"

namespace bertyard {

// The vocabulary of samples: the file `named`, or else a vocab.txt beside them or, where `hash`
// says which they were made with, up to two directories above. Throws DataError when the named one
// has another hash; nothing where none is found.
std::optional<Vocabulary> find_vocabulary(const std::string& named,
                                          const std::filesystem::path& samples,
                                          const std::optional<std::uint64_t>& hash);

// The hash that the manifest of the samples knows; nothing where there is no sound one.
std::optional<std::uint64_t> vocabulary_hash_of(const std::filesystem::path& samples);

// The directory of samples: themselves, or that of the file.
std::filesystem::path directory_of_samples(const std::filesystem::path& samples);

}  // namespace bertyard
