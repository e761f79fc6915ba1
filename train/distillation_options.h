// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/nn/model_config.h"

namespace bertyard {

// Where the weights of a student without model.from come from.
enum class StudentStart { teacher, random };

// How a student learns from a teacher. The defaults are DistilBERT's (Sanh et al. 2019); the first
// stage of TinyBERT (Jiao et al. 2020) is hidden 1, attention 1 and 0 elsewhere.
struct DistillationOptions {
  std::string teacher;                         // a model; empty: no distillation
  double temperature = 2;                      // of the soft labels
  double soft = 5;                             // T^2 KL(teacher, student)
  double hard = 2;                             // the task's own loss
  double cosine = 1;                           // 1 - cos of the last hidden states
  double hidden = 0;                           // squared error of hidden states
  double attention = 0;                        // squared error of attention scores
  StudentStart start = StudentStart::teacher;  // needs equal widths
  // The teacher's layer, from 1, for each of the student's; empty: evenly spread.
  std::vector<std::int64_t> layers;
  bool operator==(const DistillationOptions&) const = default;

  bool taught() const { return !teacher.empty(); }
  bool uses_labels() const { return hard > 0 || soft > 0; }
  // Without label terms nothing trains the head of a task, and its scores say nothing.
  bool trains_head() const { return !taught() || uses_labels(); }
  bool uses_layers() const { return hidden > 0 || attention > 0; }
};

// The model that teaches, and how.
struct TeacherSetting {
  ModelConfig model;
  DistillationOptions options;
};

// The teacher's layer, from 1, for each layer of the student: options.layers, or i M / N. Throws
// UsageError where M is no multiple of N, or `layers` has another length or names a layer that is
// not there.
std::vector<std::int64_t> teacher_layers(const DistillationOptions& options, std::int64_t student,
                                         std::int64_t teacher);

// Throws UsageError where the terms asked for do not fit the two models.
void check_teacher(const ModelConfig& student, const TeacherSetting& teacher);

// The means of a step, not weighted; total() is what is optimised.
struct DistillationLosses {
  double hard = 0, soft = 0, cosine = 0, hidden = 0, attention = 0;
  double total(const DistillationOptions& options) const;
};
// From the sums of an objective: `hard` of the labels, `taught` of a teacher's four terms (soft,
// cosine, hidden, attention), over so many labels and tokens.
DistillationLosses distillation_losses(double hard, std::span<const double> taught,
                                       std::int64_t labels, std::int64_t tokens);

}  // namespace bertyard
