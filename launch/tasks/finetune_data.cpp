// SPDX-License-Identifier: Apache-2.0
#include "launch/tasks/finetune_data.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/base/error.h"
#include "launch/run/start_model.h"
#include "launch/run/teacher.h"
#include "launch/tasks/finetune_checks.h"

namespace bertyard {
namespace {

constexpr std::size_t kNamedRows = 20;  // bad rows that are named in the log

void warn_of(const std::vector<BadRow>& rows, const std::string& path, const char* what,
             Logger& log) {
  if (rows.empty()) return;
  log.warning("{}: {} {}", path, rows.size(), what);
  for (std::size_t i = 0; i < std::min(rows.size(), kNamedRows); ++i) {
    log.warning("  {}: {}", rows[i].place, rows[i].reason);
  }
  if (rows.size() > kNamedRows) log.warning("  and {} more", rows.size() - kNamedRows);
}

void warn_of(const TaskExamples& examples, Logger& log) {
  warn_of(examples.bad_rows, examples.path, "bad rows are left out", log);
  warn_of(examples.bad_offsets, examples.path, "answers do not stand where the file says", log);
}

struct Splits {
  TaskExamples train, valid;
};

Splits read_splits(const RunConfig& config, Logger& log) {
  const TaskOptions& task = config.task;
  Splits splits;
  splits.train = read_task(task.train, task, LabelNeed::required);
  refuse_header_as_label(task, splits.train);
  warn_of(splits.train, log);
  if (task.valid.empty()) {
    splits.valid = take_held_out(splits.train, task.held_out);
  } else {
    TaskOptions any_label = task;  // one that the model does not have counts as wrong
    any_label.labels.clear();
    splits.valid = read_task(task.valid, any_label, LabelNeed::required);
    warn_of(splits.valid, log);
  }
  if (splits.valid.size() == 0) {
    throw DataError(
        fmt::format("{}: nothing is held out; set task.valid, or raise task.held_out above {:g}%",
                    splits.train.path, 100 * task.held_out));
  }
  const std::size_t skipped = skip_unplaced_answers(splits.train);
  if (skipped > 0) log.warning("{} questions are not trained on for that", skipped);
  const auto limit = static_cast<std::size_t>(task.limit);
  const auto cut = [limit](auto& examples) {
    if (limit > 0 && examples.size() > limit) examples.resize(limit);
  };
  cut(splits.train.texts);
  cut(splits.train.tags);
  cut(splits.train.answers);
  if (splits.train.size() == 0) {
    throw DataError(fmt::format("{}: no row is left to train on", splits.train.path));
  }
  return splits;
}

// What the configuration cannot know while it is read: that model.from names an ELMo.
void check_elmo(const RunConfig& config, const ModelConfig& model, Logger& log) {
  if (!model.is_elmo()) return;
  if (config.precision != Precision::fp32) {
    throw UsageError(
        "finetune: the model is an ELMo, whose LSTMs compute in fp32; set precision to fp32");
  }
  if (config.parallel.recompute != Recompute::none) {
    throw UsageError(
        "finetune: the model is an ELMo, which keeps all activations; set parallel.recompute to "
        "none");
  }
  if (!config.model.from.empty()) {
    log.info("the model is an ELMo: of the keys of model, dropout alone has an effect");
  }
}

// The model to start from, without the data.
FinetuneData open_start(const RunConfig& config, Logger& log) {
  std::optional<SavedModel> start;
  if (!config.model.from.empty()) start = open_saved_model(config.model.from, log);
  const bool own_vocabulary = start && start->vocabulary && config.tokenizer.vocab.empty();
  if (!own_vocabulary && config.tokenizer.vocab.empty()) {
    throw UsageError(
        "finetune: set tokenizer.vocab, or model.from to a model that has a vocabulary");
  }
  FinetuneData data{
      .start = start,
      .model = start ? start->config : config.model.architecture,
      .vocabulary = own_vocabulary ? *start->vocabulary : Vocabulary::load(config.tokenizer.vocab),
      .tokenizer = own_vocabulary ? start->tokenizer : config.tokenizer.options,
      .labels = {},
      .train = nullptr,
      .valid = nullptr,
      .teacher = std::nullopt};
  if (start) data.start_hash = weights_file_hash(start->path);
  if (start && !own_vocabulary) {
    check_vocabulary(config, *start, data.vocabulary, StartFor::fine_tuning);
  }
  const auto words = static_cast<std::int64_t>(data.vocabulary.size());
  if (!start) data.model.vocab_size = words;
  if (data.model.vocab_size < words) {
    throw DataError(fmt::format("{}: the model has {} word vectors, the vocabulary {} entries",
                                config.model.from, data.model.vocab_size, words));
  }
  if (start) {  // dropout belongs to the training, not to the weights
    data.model.dropout = config.model.architecture.dropout;
    if (!data.model.is_elmo()) {
      data.model.attention_dropout = config.model.architecture.attention_dropout;
    }
  }
  validate(data.model);
  return data;
}

// Without one label the loss is 0 and nothing is learnt or scored.
void require_labelled(const TaskSet& set, const char* key) {
  if (set.labelled() > 0) return;
  const TaskExamples& examples = set.examples();
  const std::vector<BadRow>& odd = examples.odd_labels;
  const std::string first =
      odd.empty() ? "" : fmt::format(" ({}: {})", odd.front().place, odd.front().reason);
  throw DataError(
      fmt::format("{}: expected labels to use as {}, found none in its {} rows{}; set task.labels "
                  "to the labels of the file, or task.columns or task.name to its columns",
                  examples.path, key, examples.size(), first));
}

}  // namespace

HeadDescription head_of(const RunConfig& config, const std::vector<std::string>& labels) {
  switch (config.task.kind) {
    case TaskKind::regress:
      return {{HeadKind::regress, 1}, {}};
    case TaskKind::qa:
      return {{HeadKind::span, 2}, {}};
    case TaskKind::tag:
      return {{HeadKind::tag, std::ssize(labels),
               has_crf(config) ? TagDecision::crf : TagDecision::alone,
               has_bilstm(config) ? TagReader::bilstm : TagReader::none},
              labels};
    case TaskKind::none:
    case TaskKind::classify:
    case TaskKind::pair:
      break;
  }
  return {{HeadKind::classify, std::ssize(labels)}, labels};
}

FinetuneData open_finetune_data(const RunConfig& config, Logger& log) {
  check_head(config);
  FinetuneData data = open_start(config, log);
  check_elmo(config, data.model, log);
  check_length(config.task, data.model);
  if (const std::string warning = stride_warning(config.task); !warning.empty()) {
    log.warning("{}", warning);
  }
  check_task_device(config, data.model);
  Splits splits = read_splits(config, log);
  data.labels = task_labels(config.task, splits.train);
  const Tokenizer tokenizer(data.vocabulary, data.tokenizer);
  const TaskSet::Setting setting{config.task, data.labels, tokenizer, data.vocabulary,
                                 config.task.max_length};
  data.train = std::make_unique<TaskSet>(std::move(splits.train), setting);
  data.valid = std::make_unique<TaskSet>(std::move(splits.valid), setting);
  require_labelled(*data.train, "task.train");
  require_labelled(*data.valid, "task.valid");
  warn_of(data.train->examples().odd_labels, data.train->examples().path,
          "rows have labels outside task.labels, which are not trained on", log);
  warn_of(data.valid->examples().odd_labels, data.valid->examples().path,
          "rows have labels that the model does not have, which count as wrong", log);
  if (config.distill.taught()) {
    data.teacher = task_teacher(config, data.vocabulary, head_of(config, data.labels));
    data.teacher_hash = weights_file_hash(data.teacher->path);
  }
  return data;
}

}  // namespace bertyard
