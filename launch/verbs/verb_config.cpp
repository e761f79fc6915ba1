// SPDX-License-Identifier: Apache-2.0
#include "launch/verbs/verb_config.h"

#include <fmt/format.h>

namespace bertyard {
namespace {

std::string text_of(const ConfigVerbOptions& options) {
  if (options.form == ConfigForm::documentation) return config_documentation();
  if (options.form == ConfigForm::schema) return config_schema();
  if (options.request.path.empty()) {
    throw UsageError(
        "no configuration given; expected 'bertyard config FILE', or --docs, or "
        "--schema");
  }
  ConfigRequest request = options.request;
  request.use = ConfigUse::elsewhere;
  const LoadedConfig loaded = load_config(request);
  return options.form == ConfigForm::minimal ? minimal_yaml(loaded) : print_resolved(loaded);
}

}  // namespace

int run_config(const ConfigVerbOptions& options) {
  fmt::print("{}", text_of(options));
  return static_cast<int>(ExitCode::ok);
}

}  // namespace bertyard
