// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace bertyard {

struct InspectOptions {
  std::string path;    // shards, a file of samples, a vocabulary, a checkpoint, a run, a model
  std::string tensor;  // of a model: show this one
  std::uint64_t samples = 0;  // of samples: decode so many
  std::string vocab;          // to decode with; empty: a vocab.txt beside
};

// What a file or directory holds, recognised by its contents, as text for people. Throws DataError
// for what is damaged, missing or of no known kind; UsageError for options that its kind does not
// have.
std::string inspect_text(const InspectOptions& options);

// `bertyard inspect`: prints it.
int run_inspect(const InspectOptions& options);

}  // namespace bertyard
