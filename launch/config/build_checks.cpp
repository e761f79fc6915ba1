// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "core/backend/built_with.h"
#include "launch/config/config_checks.h"
#include "launch/config/field_checks.h"

namespace bertyard {
namespace {

class BuildChecks : FieldChecks {
 public:
  BuildChecks(const LoadedConfig& loaded, const ConfigLayers& layers, ConfigErrors& errors)
      : FieldChecks(loaded, layers, errors) {}

  void run() const {
    const RunConfig& config = loaded_.config;
    const ParallelOptions& parallel = config.parallel;
    if (config.precision == Precision::tf32) lacking("precision", "fp32");
    if (parallel.backend == BackendChoice::cuda) lacking("parallel.backend", "cpu");
    if (parallel.comm != CommChoice::automatic) lacking("parallel.comm", "auto");
  }

 private:
  void lacking(const std::string& key, const char* advice) const {
    if (!all_read({key})) return;
    mistake({key}, fmt::format("'{}: {}' is not available: this build has no CUDA; use {}", key,
                               value(key), advice));
  }
};

}  // namespace

void check_build(const LoadedConfig& loaded, const ConfigLayers& layers, ConfigErrors& errors) {
  if (!built_with_cuda()) BuildChecks(loaded, layers, errors).run();
}

}  // namespace bertyard
