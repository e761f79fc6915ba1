// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string_view>

#include "core/backend/cuda/cuda_update_ops.h"

namespace bertyard {

// Copies the tables to the device and waits for the copies.
std::unique_ptr<UpdatePlan> make_cuda_update_plan(UpdateTables tables);
// The copies of a plan that was made there and fits a buffer of `elements`; throws Error otherwise.
const DeviceTables& device_tables(std::string_view operation, const UpdatePlan& plan,
                                  std::int64_t elements);

}  // namespace bertyard
