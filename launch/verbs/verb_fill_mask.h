// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "launch/verbs/verb_eval.h"

namespace bertyard {

struct FillMaskVerbOptions {
  std::string model;  // a run, a checkpoint, a Hugging Face directory
  std::vector<std::string> texts;
  int top = 5;
  int threads = 0;
  OutputForm form = OutputForm::text;
};

// `bertyard fill-mask`: the likeliest entries of the vocabulary for every [MASK] of a text.
int run_fill_mask(const FillMaskVerbOptions& options);

}  // namespace bertyard
