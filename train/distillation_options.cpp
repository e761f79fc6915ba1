// SPDX-License-Identifier: Apache-2.0
#include "train/distillation_options.h"

#include <fmt/format.h>

#include "core/base/error.h"

namespace bertyard {
namespace {

void require(bool condition, const std::string& message) {
  if (!condition) throw UsageError("distill: " + message);
}

}  // namespace

void check_teacher(const ModelConfig& student, const TeacherSetting& setting) {
  const ModelConfig& teacher = setting.model;
  const DistillationOptions& options = setting.options;
  require(options.uses_labels() || options.cosine > 0 || options.uses_layers(),
          "all terms have weight 0; set one of distill.soft, hard, cosine, hidden, attention");
  require(!student.is_elmo() && !teacher.is_elmo(),
          fmt::format("the teacher's type is {}, the student's {}, and only transformers are "
                      "distilled; set model.preset to one and name such a teacher",
                      name_of(teacher.type), name_of(student.type)));
  require(
      !student.is_causal() && !teacher.is_causal(),
      fmt::format("the teacher's attention is {}, the student's {}, and only bidirectional models "
                  "are distilled; set model.attention to bidirectional and name such a teacher",
                  name_of(teacher.attention), name_of(student.attention)));
  require(
      student.vocab_size == teacher.vocab_size,
      fmt::format("the teacher has {} word vectors, the student {}; use one vocabulary for both",
                  teacher.vocab_size, student.vocab_size));
  require(student.max_positions <= teacher.max_positions,
          fmt::format("the teacher has {} positions, the student {}; set model.max_positions to {}",
                      teacher.max_positions, student.max_positions, teacher.max_positions));
  require(student.segments <= teacher.segments,
          fmt::format("the teacher has {} segments, the student {}; set model.segments to {}",
                      teacher.segments, student.segments, teacher.segments));
  require(options.cosine == 0 || student.hidden == teacher.hidden,
          fmt::format("distill.cosine compares hidden states of {} and {} channels; set it to 0 or "
                      "model.hidden to {}",
                      student.hidden, teacher.hidden, teacher.hidden));
  require(options.attention == 0 || student.heads == teacher.heads,
          fmt::format("distill.attention compares scores of {} and {} heads; set it to 0 or "
                      "model.heads to {}",
                      student.heads, teacher.heads, teacher.heads));
  if (options.uses_layers()) (void)teacher_layers(options, student.layers, teacher.layers);
}

std::vector<std::int64_t> teacher_layers(const DistillationOptions& options, std::int64_t student,
                                         std::int64_t teacher) {
  if (!options.layers.empty()) {
    require(std::ssize(options.layers) == student,
            fmt::format("distill.layers has {} entries, the student {} layers; name a layer of the "
                        "teacher for each",
                        options.layers.size(), student));
    for (const std::int64_t layer : options.layers) {
      require(
          layer >= 1 && layer <= teacher,
          fmt::format("distill.layers names layer {}, the teacher has 1 to {}", layer, teacher));
    }
    return options.layers;
  }
  require(teacher % student == 0,
          fmt::format("the teacher's {} layers are no multiple of the student's {}; say "
                      "distill.layers, the teacher's layer for each of the student's",
                      teacher, student));
  std::vector<std::int64_t> layers;
  for (std::int64_t i = 1; i <= student; ++i) layers.push_back(i * (teacher / student));
  return layers;
}

double DistillationLosses::total(const DistillationOptions& options) const {
  return options.hard * hard + options.soft * soft + options.cosine * cosine +
         options.hidden * hidden + options.attention * attention;
}

DistillationLosses distillation_losses(double hard, std::span<const double> taught,
                                       std::int64_t labels, std::int64_t tokens) {
  const auto mean = [](double sum, std::int64_t count) {
    return count > 0 ? sum / static_cast<double>(count) : 0.0;
  };
  return {mean(hard, labels), mean(taught[0], labels), mean(taught[1], tokens),
          mean(taught[2], tokens), mean(taught[3], tokens)};
}

}  // namespace bertyard
