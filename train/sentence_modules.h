// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "train/text_vectors.h"

namespace bertyard {

// What a sentence-transformers directory says beside the model itself.
struct SentenceModules {
  std::filesystem::path transformer;  // the directory of the model
  Pooling pooling = Pooling::mean;
  Normalize normalize = Normalize::no;
  std::int64_t max_length = 0;  // 0: what the model has positions for
};

// Reads DIRECTORY/modules.json and what it names; nothing where there is no such file. Throws
// DataError for what cannot be obeyed: another module than Transformer, Pooling and Normalize,
// another order of them, several poolings at once, a prompt put before every text.
std::optional<SentenceModules> read_sentence_modules(const std::filesystem::path& directory);

}  // namespace bertyard
