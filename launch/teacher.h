// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "core/base/log.h"
#include "core/nn/model_config.h"
#include "core/nn/parameters.h"
#include "train/distillation_options.h"

namespace bertyard {

// Shape of the model that `options.teacher` names.
ModelConfig teacher_config(const DistillationOptions& options, std::uint64_t vocabulary_hash);

// Fills the teacher's bound parameters. Returns the hash of the values, which a run may not change.
std::uint64_t load_teacher(const DistillationOptions& options, ParameterStore& teacher);

// Copies what the student begins with: of the layers every M/N-th, from the first (Sanh et al.
// 2019), and every other tensor of the teacher's of the same name and shape.
void start_from_teacher(ParameterStore& student, std::int64_t student_layers,
                        const ParameterStore& teacher, std::int64_t teacher_layers);

}  // namespace bertyard
