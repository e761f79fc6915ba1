// SPDX-License-Identifier: Apache-2.0
#include "launch/run/teacher.h"

#include <algorithm>
#include <span>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "core/base/log.h"
#include "launch/run/saved_model.h"

namespace bertyard {
namespace {

constexpr std::string_view kLayer = "bert.encoder.layer.";

SavedModel open_teacher(const std::string& path) {
  Logger log({.console_level = LogLevel::warning, .file_level = LogLevel::off, .tag = {}});
  return open_saved_model(path, log);
}

// The teacher's name for a tensor of the student.
std::string name_in_teacher(const std::string& name, const std::vector<std::int64_t>& layers) {
  if (!name.starts_with(kLayer)) return name;
  std::size_t end = 0;
  const std::string rest = name.substr(kLayer.size());
  const auto layer = static_cast<std::size_t>(std::stoll(rest, &end));
  return fmt::format("{}{}{}", kLayer, layers[layer] - 1, rest.substr(end));
}

void require_vocabulary(const std::string& teacher, const Vocabulary& found,
                        const Vocabulary& expected) {
  if (found.hash() == expected.hash()) return;
  throw DataError(fmt::format(
      "{}: its vocabulary is another one than tokenizer.vocab's; use the teacher's vocab.txt for "
      "the student's text",
      teacher));
}

// "a class", for messages.
std::string_view name_of(const HeadConfig& head) {
  switch (head.kind) {
    case HeadKind::classify:
      return "a class";
    case HeadKind::regress:
      return "a number";
    case HeadKind::tag:
      return head.decision == TagDecision::crf ? "labels of a CRF" : "labels of words";
    case HeadKind::span:
      return "a span";
  }
  return "";
}

}  // namespace

TeacherSetting pretraining_teacher(const RunConfig& config, const Vocabulary& vocabulary) {
  const SavedModel model = open_teacher(config.distill.teacher);
  if (model.vocabulary) require_vocabulary(model.path, *model.vocabulary, vocabulary);
  return {model.config, config.distill};
}

TaskModelFiles task_teacher(const RunConfig& config, const Vocabulary& vocabulary,
                            const HeadDescription& head) {
  TaskModelFiles teacher = open_task_model(config.distill.teacher, "");
  require_vocabulary(teacher.path.string(), teacher.vocabulary, vocabulary);
  if (teacher.head.head != head.head || teacher.head.labels != head.labels) {
    throw DataError(fmt::format(
        "{}: it answers with {} of [{}], the task is {} of [{}]; distil from a teacher of this "
        "task, or set task.labels to the teacher's",
        teacher.path.string(), name_of(teacher.head.head), fmt::join(teacher.head.labels, ", "),
        name_of(head.head), fmt::join(head.labels, ", ")));
  }
  return teacher;
}

std::uint64_t load_teacher(const std::string& path, ParameterStore& teacher) {
  open_teacher(path).load(teacher);
  return xxh3(std::as_bytes(teacher.values().span<float>()));
}

void start_from_teacher(ParameterStore& student, const ModelConfig& config,
                        const ParameterStore& teacher, const TeacherSetting& setting) {
  if (setting.options.start == StudentStart::random) return;
  const std::vector<std::int64_t> layers =
      teacher_layers(setting.options, config.layers, setting.model.layers);
  for (int i = 0; i < student.size(); ++i) {
    const ParameterInfo& info = student.info({i});
    const auto source = teacher.find(name_in_teacher(info.name, layers));
    if (!source) continue;
    const ParameterInfo& from = teacher.info(*source);
    if (from.shape != info.shape) {
      throw UsageError(fmt::format(
          "distill.start: teacher copies layers, but '{}' has shape {} there and {} in the "
          "student; "
          "set distill.start to random, or give the student the teacher's hidden, intermediate and "
          "max_positions",
          from.name, to_string(from.shape), to_string(info.shape)));
    }
    std::ranges::copy(teacher.value(*source).span<float>(),
                      student.value(ParameterId{i}).span<float>().begin());
  }
}

}  // namespace bertyard
