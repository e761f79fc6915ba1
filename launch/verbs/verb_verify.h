// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "data/shards/open_samples.h"
#include "data/shards/verify_samples.h"
#include "launch/plot/plot.h"
#include "launch/verbs/verb_eval.h"
#include "launch/verbs/verb_plot.h"

namespace bertyard {

struct VerifyOptions {
  std::string path;   // shards, a directory of parts, or files that open_samples() takes
  std::string vocab;  // empty: a vocab.txt beside or above that they were made with
  std::string out;    // SVG file to write; empty: none
  PlotForm picture = PlotForm::svg;  // terminal or ascii: draw there too
  OutputForm form = OutputForm::text;
};

// One report a part: train and valid below the path, or the path itself.
std::vector<VerifyReport> verify_parts(const VerifyOptions& options);

// Figures and verdict as text for people; findings are not in it.
std::string verify_text(const VerifyReport& report);
std::string verify_json(const std::vector<VerifyReport>& reports);

// How many samples have which length, a curve for each part, the verdict in the title.
Plot verify_plot(const std::vector<VerifyReport>& reports);

// `bertyard verify`: prints them; findings go to standard error. Exit code 3 where there are any.
int run_verify(const VerifyOptions& options);

}  // namespace bertyard
