// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "core/nn/model_config.h"
#include "core/nn/parameters.h"
#include "data/tokenizer/vocabulary.h"
#include "launch/config/run_config.h"
#include "launch/run/task_model_files.h"
#include "train/distillation_options.h"

namespace bertyard {

// The model that distill.teacher names, for pre-training: a run, a checkpoint or a Hugging Face
// directory. DataError where its vocabulary is another one.
TeacherSetting pretraining_teacher(const RunConfig& config, const Vocabulary& vocabulary);

// The fine-tuned model that distill.teacher names, for the task of `config` with the student's
// head. DataError where vocabulary, kind of task or labels are others.
TaskModelFiles task_teacher(const RunConfig& config, const Vocabulary& vocabulary,
                            const HeadDescription& head);

// Fills the teacher's bound parameters. Returns the hash of the values, which a run may not change.
std::uint64_t load_teacher(const std::string& path, ParameterStore& teacher);

// What a student begins with where distill.start is teacher: of the layers those that
// teacher_layers() names, and every other tensor of the teacher's that the student has too.
// UsageError where a tensor has another shape.
void start_from_teacher(ParameterStore& student, const ModelConfig& config,
                        const ParameterStore& teacher, const TeacherSetting& setting);

}  // namespace bertyard
