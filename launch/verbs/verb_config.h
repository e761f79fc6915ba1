// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "launch/config/config.h"

namespace bertyard {

enum class ConfigForm {
  resolved,       // every value with its origin
  minimal,        // what differs from the defaults
  documentation,  // the table of all keys, Markdown
  schema,         // JSON schema
};

struct ConfigVerbOptions {
  ConfigRequest request;  // documentation and schema need no path
  ConfigForm form = ConfigForm::resolved;
};

// `bertyard config`: prints to standard output. Throws ConfigError for a configuration with
// mistakes, UsageError without a path where one is needed.
int run_config(const ConfigVerbOptions& options);

}  // namespace bertyard
