// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace bertyard {

// Where a student's weights come from.
enum class StudentStart { teacher, random };

// How a student learns from a teacher. The weights of the terms are DistilBERT's (Sanh et al.
// 2019); TinyBERT's first stage (Jiao et al. 2020) is hidden 1, attention 1 and 0 elsewhere.
struct DistillationOptions {
  std::string teacher;                         // a model; empty: no distillation
  double temperature = 2;                      // of the soft labels
  double soft = 5;                             // T^2 KL(teacher, student)
  double hard = 2;                             // the task's own loss
  double cosine = 1;                           // 1 - cos of the last hidden states
  double hidden = 0;                           // squared error of hidden states
  double attention = 0;                        // squared error of attention scores
  StudentStart start = StudentStart::teacher;  // random where the hidden sizes differ
  // The teacher's layer, from 1, for each of the student's; empty: evenly spread.
  std::vector<std::int64_t> layers;
  bool operator==(const DistillationOptions&) const = default;
};

// The teacher's layer, from 1, for each layer of the student: layers, or i M / N. Throws UsageError
// where M is no multiple of N, or `layers` has another length or names a layer that is not there.
std::vector<std::int64_t> teacher_layers(const DistillationOptions& options,
                                         std::int64_t student_layers, std::int64_t teacher_layers);

}  // namespace bertyard
