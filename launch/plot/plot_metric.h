// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "launch/plot/plot_axis.h"

namespace bertyard {

enum class Smoothing { useful, misleading };

// What the two kinds of records call one figure, and how it is shown.
struct PlotMetric {
  std::string train;           // key in train records; empty: none
  std::string evaluation;      // key in eval records; empty: none
  std::string baseline;        // key in eval records; empty: none
  std::string baseline_label;  // "unigram"
  std::string title;           // "MLM loss"
  std::string unit_label;      // "nats per masked token"
  ValueUnit unit = ValueUnit::plain;
  Smoothing smoothing = Smoothing::useful;
};

// By either of its keys; a key that is not in the table stands for itself in both kinds of records.
PlotMetric plot_metric(std::string_view key);

}  // namespace bertyard
