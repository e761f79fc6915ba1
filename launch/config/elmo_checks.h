// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "launch/config/config.h"
#include "launch/config/config_layers.h"

namespace bertyard {

// Records a mistake where the configuration asks an ELMo for what only a transformer has, or
// names the preset of one and the type of the other, or has fewer cells than outputs.
void check_elmo(const LoadedConfig& loaded, const ConfigLayers& layers, ConfigErrors& errors);

}  // namespace bertyard
