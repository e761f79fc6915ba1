// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "launch/verbs/verb_eval.h"
#include "train/text_vectors.h"

namespace bertyard {

// What matrices are multiplied in; all else is fp32.
enum class EncodeProducts { fp32, bf16 };

struct EncodeVerbOptions {
  std::string model;               // a run, a checkpoint, a Hugging Face directory
  std::vector<std::string> files;  // one text a line; as the corpus has them
  std::string out;                 // .npy or .jsonl
  std::string field;  // all files are JSONL: the key of the text; empty: "text" of .jsonl files
  // Absent: what a sentence-transformers directory says, or else the mean of the last layer.
  std::optional<Pooling> pooling;
  std::optional<Normalize> normalize;
  std::vector<std::int64_t> layers{-1};
  std::int64_t max_length = 0;       // longer texts are cut; 0: what the model takes
  std::int64_t batch_tokens = 2048;  // of a micro-batch
  EncodeProducts products = EncodeProducts::fp32;
  int threads = 0;
  OutputForm form = OutputForm::text;
};

// `bertyard encode`: a vector for each line of text, in the order of the lines. Exit code 3, after
// all is written, where a line could not be read and has none.
int run_encode(const EncodeVerbOptions& options);

}  // namespace bertyard
