// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "launch/inspect/inspect_parts.h"

namespace bertyard {

// What a file or directory holds, recognised by its contents, as text for people. Throws DataError
// for what is damaged, missing or of no known kind; UsageError for options that its kind does not
// have.
std::string inspect_text(const InspectOptions& options);

// `bertyard inspect`: prints it.
int run_inspect(const InspectOptions& options);

}  // namespace bertyard
