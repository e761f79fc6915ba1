// SPDX-License-Identifier: Apache-2.0
#include "launch/teacher.h"

#include <algorithm>
#include <span>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "launch/saved_model.h"

namespace bertyard {
namespace {

constexpr std::string_view kLayer = "bert.encoder.layer.";

SavedModel open_teacher(const DistillationOptions& options) {
  Logger log({.console_level = LogLevel::warning, .file_level = LogLevel::off, .tag = {}});
  return open_saved_model(options.teacher, log);
}

// The teacher's name for a tensor of the student.
std::string name_in_teacher(const std::string& name, std::int64_t step) {
  if (!name.starts_with(kLayer)) return name;
  std::size_t end = 0;
  const std::string rest = name.substr(kLayer.size());
  const std::int64_t layer = std::stoll(rest, &end);
  return fmt::format("{}{}{}", kLayer, layer * step, rest.substr(end));
}

}  // namespace

ModelConfig teacher_config(const DistillationOptions& options, std::uint64_t vocabulary_hash) {
  const SavedModel model = open_teacher(options);
  if (model.vocabulary && model.vocabulary->hash() != vocabulary_hash) {
    throw DataError(fmt::format(
        "{}: its vocabulary is another one than tokenizer.vocab's; prepare the text with the "
        "teacher's vocab.txt",
        model.path));
  }
  return model.config;
}

std::uint64_t load_teacher(const DistillationOptions& options, ParameterStore& teacher) {
  open_teacher(options).load(teacher);
  return xxh3(std::as_bytes(teacher.values().span<float>()));
}

void start_from_teacher(ParameterStore& student, std::int64_t student_layers,
                        const ParameterStore& teacher, std::int64_t teacher_layers) {
  const std::int64_t step = std::max<std::int64_t>(1, teacher_layers / student_layers);
  for (int i = 0; i < student.size(); ++i) {
    const ParameterInfo& info = student.info({i});
    const auto source = teacher.find(name_in_teacher(info.name, step));
    if (!source || teacher.info(*source).shape != info.shape) continue;
    const auto from = teacher.value(*source).span<float>();
    std::ranges::copy(from, student.value(ParameterId{i}).span<float>().begin());
  }
}

}  // namespace bertyard
