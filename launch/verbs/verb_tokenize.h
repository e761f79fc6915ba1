// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "data/options.h"
#include "data/tokenizer/tokenize_files.h"

namespace bertyard {

struct TokenizeVerbOptions {
  std::string vocab;
  TokenizerOptions tokenizer;
  std::vector<std::string> never_split;
  TokenizeFilesOptions files;
  int threads = 0;  // 0: all cores that this process may use
};

// `bertyard tokenize`: every line of the files, or of standard input, as one line of JSON on
// standard output; or, where only counts are wanted, these.
int run_tokenize(const TokenizeVerbOptions& options);

}  // namespace bertyard
