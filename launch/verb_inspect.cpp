// SPDX-License-Identifier: Apache-2.0
#include "launch/verb_inspect.h"

#include <filesystem>

#include <fmt/format.h>

#include "core/base/error.h"
#include "data/manifest.h"
#include "launch/inspect_parts.h"

namespace bertyard {
namespace {

namespace fs = std::filesystem;

bool holds_shards(const fs::path& directory) {
  // A checkpoint has a manifest too, and weights beside it.
  return fs::exists(directory / kManifestName) && !fs::exists(directory / "model.safetensors");
}

}  // namespace

int run_inspect(const InspectOptions& options) {
  const fs::path path(options.path);
  if (!fs::exists(path)) throw DataError(fmt::format("{}: there is nothing here", options.path));
  if (fs::is_directory(path)) {
    holds_shards(path) ? inspect_samples(options) : inspect_model(options);
  } else if (path.extension() == ".txt") {
    inspect_vocabulary(options);
  } else {
    inspect_samples(options);
  }
  return static_cast<int>(ExitCode::ok);
}

}  // namespace bertyard
