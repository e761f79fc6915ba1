// SPDX-License-Identifier: Apache-2.0
// Any bytes as a configuration: errors with their places, or a configuration that is read back as
// it was written.
#include <cstdlib>
#include <string>

#include "core/base/error.h"
#include "launch/config/config.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bertyard;
  const std::string text(reinterpret_cast<const char*>(data), size);
  try {
    const LoadedConfig loaded = parse_config("fuzz.yaml", text);
    const std::string written = resolved_yaml(loaded.config);
    if (!(parse_config("again.yaml", written).config == loaded.config)) std::abort();
  } catch (const Error&) {
  }
  return 0;
}
