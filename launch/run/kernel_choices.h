// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "core/backend/device.h"
#include "core/base/log.h"
#include "data/batches/batch.h"
#include "launch/run/pretraining_setup.h"
#include "parallel/control_plane.h"

namespace bertyard {

// The algorithms that a GPU's matrix products take: rank 0 chooses, all ranks have its choices, and
// the run's directory keeps them, so that a resumed run takes the same without a search: design,
// 4.5. A CPU makes no such choices: nothing is exchanged, the text is empty, nothing is written.

// Every rank makes this call, before its first product. Rank 0 takes what `file`, which may be
// missing, says, calls `meet_products`, which is to meet every product of the run, and the other
// ranks get what it knows then. Returns that. Throws DataError that names the file where it is
// damaged; where it is of another library or GPU, rank 0 warns and chooses anew.
std::string share_kernel_choices(const std::filesystem::path& file, ControlPlane& control,
                                 Device& device, Logger& log,
                                 const std::function<void()>& meet_products);

// A batch of so many sequences of token 0, without labels, for meeting products.
Batch blank_sequences(std::int32_t count, std::int32_t length);

// What meets every product of a run: each phase's micro-batch, filled, in training and in
// evaluation. The memory is allocated; weights, gradients and sums are not what they were.
void meet_products(PretrainingSetup& setup);

// Where `file` says something else. Training goes on where it cannot be written: a warning.
void save_kernel_choices(const std::filesystem::path& file, const std::string& text, Logger& log);

std::filesystem::path kernel_choices_file(const RunOptions& run);

}  // namespace bertyard
