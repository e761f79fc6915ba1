// SPDX-License-Identifier: Apache-2.0
#include "launch/tasks/finetune_checks.h"

#include <charconv>
#include <cmath>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "core/base/error.h"
#include "launch/config/config_field.h"
#include "launch/run/saved_model.h"

namespace bertyard {
namespace {

std::string head_name(const RunConfig& config) {
  return find_field("finetune.head")->write(config, 0);
}

// What a GPU does not have, as a setting; empty where it has all.
std::string lacks(const RunConfig& config, const ModelConfig& model) {
  if (config.finetune.head != TaggingHead::linear) {
    return fmt::format("finetune.head: {}", head_name(config));
  }
  return model.is_elmo() ? "an ELMo, whose LSTMs compute on the CPU," : "";
}

}  // namespace

void refuse_replaced_keys(const LoadedConfig& loaded, ChangesOf which) {
  static constexpr std::pair<std::string_view, std::string_view> kReplaced[] = {
      {"optim.lr", "set finetune.lr"},
      {"optim.warmup", "set finetune.warmup, a share of the steps"},
      {"run.seed", "set finetune.seeds"},
      {"schedule.", "set finetune.batch, finetune.epochs and task.max_length"},
      {"checkpoint.keep_last", "remove it: the last checkpoint and the best are kept"},
      {"checkpoint.keep_best", "remove it: the last checkpoint and the best are kept"}};
  for (const auto& [key, origin] : loaded.origins) {
    const bool is_argument = origin.kind == ConfigOrigin::Kind::command_line;
    const bool counts =
        origin.kind == ConfigOrigin::Kind::change || (is_argument && which == ChangesOf::anything);
    if (!counts) continue;
    for (const auto& [replaced, mend] : kReplaced) {
      const bool is_it = replaced.ends_with('.') ? key.starts_with(replaced) : key == replaced;
      if (!is_it) continue;
      throw UsageError(
          fmt::format("{}: {} has no effect on a fine-tuning; {}", origin.text(), key, mend));
    }
  }
}

void check_length(const TaskOptions& task, const ModelConfig& model) {
  if (task.max_length <= model.max_positions) return;
  throw UsageError(
      fmt::format("task.max_length: {} is more than the {} positions of the model; use {} or less",
                  task.max_length, model.max_positions, model.max_positions));
}

std::string stride_warning(const TaskOptions& task) {
  const int room = task.max_length - task.max_query - 3;  // [CLS] and [SEP] twice
  if (task.kind != TaskKind::qa || task.stride < room) return "";
  return fmt::format(
      "task.stride: windows every {} tokens do not overlap where a question of task.max_query {} "
      "leaves room for {} of task.max_length {}, and an answer between two windows is in neither; "
      "use a smaller stride or a greater length",
      task.stride, task.max_query, room, task.max_length);
}

void check_task_device(const RunConfig& config, const ModelConfig& model) {
  const std::string lacking = lacks(config, model);
  if (config.parallel.backend != BackendChoice::cuda || lacking.empty()) return;
  throw UsageError(fmt::format(
      "{} does not go with parallel.backend: cuda; set parallel.backend to cpu", lacking));
}

bool has_crf(const RunConfig& config) {
  return config.finetune.head == TaggingHead::crf ||
         config.finetune.head == TaggingHead::bilstm_crf;
}

bool has_bilstm(const RunConfig& config) {
  return config.finetune.head == TaggingHead::bilstm ||
         config.finetune.head == TaggingHead::bilstm_crf;
}

void check_head(const RunConfig& config) {
  const TaggingHead head = config.finetune.head;
  if (head == TaggingHead::linear) return;
  if (config.task.kind != TaskKind::tag) {
    throw UsageError(fmt::format("finetune.head: {} is a head for task.kind: tag; use linear",
                                 head_name(config)));
  }
  if (has_crf(config) && !config.finetune.class_weights.empty()) {
    throw UsageError(
        "finetune.class_weights: a CRF scores whole sentences, not labels; remove them, "
        "or use finetune.head: linear");
  }
  if (has_bilstm(config) && config.precision != Precision::fp32) {
    throw UsageError(fmt::format("finetune.head: {} computes in fp32 alone; set precision to fp32",
                                 head_name(config)));
  }
}

RunConfig device_config(RunConfig config, const ModelConfig& model) {
  if (!lacks(config, model).empty()) config.parallel.backend = BackendChoice::cpu;
  return config;
}

void settle_task_precision(LoadedConfig& loaded, Logger& log) {
  RunConfig& config = loaded.config;
  const bool was_said = loaded.origin_of("precision").kind != ConfigOrigin::Kind::derived;
  if (was_said || config.precision == Precision::fp32) return;
  const std::string& from = config.model.from;
  const ModelConfig model =
      from.empty() ? config.model.architecture : open_saved_model(from, log).config;
  if (!lacks(config, model).empty()) config.precision = Precision::fp32;
}

std::vector<float> class_weights(const RunConfig& config, const TaskSet& data) {
  const std::vector<std::string>& wanted = config.finetune.class_weights;
  if (wanted.empty()) return {};
  const std::vector<std::uint64_t> counts = data.label_counts();
  if (counts.empty()) {
    throw UsageError("finetune.class_weights: this kind of task has no classes; remove it");
  }
  std::vector<double> weights(counts.size(), 1.0);
  const bool balanced = wanted.size() == 1 && wanted[0] == "balanced";
  if (!balanced && wanted.size() != counts.size()) {
    throw UsageError(
        fmt::format("finetune.class_weights has {} values, expected 'balanced' or one for each of "
                    "the {} labels",
                    wanted.size(), counts.size()));
  }
  double sum = 0, total = 0;
  for (std::size_t c = 0; c < counts.size(); ++c) {
    const auto count = static_cast<double>(counts[c]);
    if (balanced) {
      weights[c] = count > 0 ? 1 / count : 0;
    } else {
      const std::string& text = wanted[c];
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), weights[c]);
      if (error != std::errc() || end != text.data() + text.size() || !(weights[c] >= 0) ||
          !std::isfinite(weights[c])) {
        throw UsageError(
            fmt::format("finetune.class_weights: '{}' is no weight, expected a finite "
                        "number of at least 0, or 'balanced' alone",
                        text));
      }
    }
    sum += weights[c] * count;
    total += count;
  }
  if (!(sum > 0)) throw UsageError("finetune.class_weights: all weights of the data are 0");
  std::vector<float> scaled;
  for (const double weight : weights) scaled.push_back(static_cast<float>(weight * total / sum));
  return scaled;
}

}  // namespace bertyard
