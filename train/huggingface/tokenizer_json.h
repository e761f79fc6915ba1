// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "data/options.h"
#include "data/tokenizer/vocabulary.h"

namespace bertyard {

// What Hugging Face's tokenizers library keeps in tokenizer.json, as far as BERT's tokenizer goes.
struct TokenizerFile {
  Vocabulary vocabulary;
  TokenizerOptions options;
};

// Throws DataError where the file describes another tokenizer than BERT's: another model than
// WordPiece with "##", another normalizer or cut into words, ids with gaps.
TokenizerFile read_tokenizer_json(const std::filesystem::path& path);

}  // namespace bertyard
