// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "launch/verb_inspect.h"

namespace bertyard {

// One kind of thing each; all print to standard output.
void inspect_vocabulary(const InspectOptions& options);
void inspect_samples(const InspectOptions& options);
// A run directory, a checkpoint or a Hugging Face directory.
void inspect_model(const InspectOptions& options);

}  // namespace bertyard
