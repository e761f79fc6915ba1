// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "launch/run/environment.h"
#include "launch/verbs/verb_train.h"

namespace bertyard {

// `bertyard distill`: trains as `train` does, or as `finetune` where the configuration has a task,
// taught by distill.teacher; then compares the two models on the held-out part: size, speed,
// scores. The comparison is printed and written to distillation.json of the run.
int run_distill(const TrainVerbOptions& options, MpiEnvironment& environment);

}  // namespace bertyard
