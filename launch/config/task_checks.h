// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "launch/config/config.h"
#include "launch/config/config_layers.h"

namespace bertyard {

// Records a mistake where the kind of a task contradicts the set that its name stands for, the
// columns of its files, its labels or its metric, where columns are both names and numbers, and
// where a combination of the grid would be trained twice.
void check_task(const LoadedConfig& loaded, const ConfigLayers& layers, ConfigErrors& errors);

}  // namespace bertyard
