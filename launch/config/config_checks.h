// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "launch/config/config.h"
#include "launch/config/config_layers.h"

namespace bertyard {

// What no single key can say: records a mistake, with the place of every key involved, where values
// contradict each other. Keys that already have a mistake are left out.
void check_across_fields(const LoadedConfig& loaded, const ConfigLayers& layers,
                         ConfigErrors& errors);

// Values that only a build with CUDA has: a mistake each, where this one is without.
void check_build(const LoadedConfig& loaded, const ConfigLayers& layers, ConfigErrors& errors);

}  // namespace bertyard
