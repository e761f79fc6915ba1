// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "launch/run/pretraining_setup.h"
#include "parallel/communicator.h"

namespace bertyard {

// What a run is about to do, in ten lines. `devices` carries the gradients.
std::vector<std::string> training_banner(PretrainingSetup& setup, const Communicator& devices,
                                         const std::filesystem::path& directory,
                                         std::int64_t resumed_step);

// "12 layers, hidden 768, heads 12, 110,106,428 parameters"
std::string model_text(const ModelConfig& model);
// How it is trained where not on masked tokens: ", causal: ..."; else nothing.
std::string reading_text(const ModelConfig& model);
// ", layers computed again in backward"; nothing where none is.
std::string recompute_text(Recompute recompute);

// "1.35 GiB a rank (weights 0.41, gradients ...)", below 1 GiB in MiB.
std::string memory_text(const MemoryUse& use);

}  // namespace bertyard
