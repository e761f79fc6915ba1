// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include "data/options.h"
#include "data/tokenizer/vocabulary.h"

namespace bertyard {

// Beside a learnt vocabulary stands, as VOCABULARY.learnt, how it was learnt, so that settings that
// do not go with it are noticed. One from elsewhere has no such record.
void save_learnt_vocabulary(const std::filesystem::path& path, const Vocabulary& vocabulary,
                            const TokenizerOptions& tokenizer,
                            const VocabularyLearningOptions& learning, const CorpusOptions& corpus);

// Of `vocabulary`, found at `path`: UsageError where it was learnt from words of another tokenizer;
// what to tell the user where it was learnt with another size or frequency, or from text that was
// read in another way; else empty.
std::string check_learnt_vocabulary(const std::filesystem::path& path, const Vocabulary& vocabulary,
                                    const TokenizerOptions& tokenizer,
                                    const VocabularyLearningOptions& learning,
                                    const CorpusOptions& corpus);

}  // namespace bertyard
