// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>

#include "launch/config/config.h"
#include "launch/run/environment.h"
#include "launch/verbs/verb_eval.h"

namespace bertyard {

struct DoctorVerbOptions {
  ConfigRequest request;  // without a path: no configuration is looked at
  std::string command;    // this program's command line
  double seconds = 60;    // that one check may take
  OutputForm form = OutputForm::text;
};

// `bertyard doctor`: looks at the ranks, their hosts, network and storage, alone or under mpirun or
// srun, and says what is wrong and how to mend it. Never hangs: a check that does is a failure.
// Returns 0, or 4 when something failed. `start` makes main's MpiEnvironment.
int run_doctor(const DoctorVerbOptions& options,
               const std::function<MpiEnvironment&(const StartOptions&)>& start);

}  // namespace bertyard
