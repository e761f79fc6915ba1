// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "launch/config/config.h"
#include "launch/verbs/verb_eval.h"

namespace bertyard {

struct PlanVerbOptions {
  ConfigRequest request;              // with its section `cluster`
  std::vector<std::string> measured;  // results of `bench --json`
  int most_devices = 4096;
  double fill = 1;  // mean length / the phase's
  std::string svg;  // where the plot goes; empty: nowhere
  OutputForm form = OutputForm::text;
};

// `bertyard plan`: step time, exposed communication, memory of a rank, scaling efficiency, time and
// device-hours to train, from 1 device to many. Needs no data; trains nothing.
int run_plan(const PlanVerbOptions& options);

}  // namespace bertyard
