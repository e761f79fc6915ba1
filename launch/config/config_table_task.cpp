// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "launch/config/config_field.h"

namespace bertyard {
namespace {

constexpr FieldRole kIdentity = FieldRole::newer_identity;

constexpr NamedValue<TaskKind> kKinds[] = {
    {TaskKind::none, "none"},       {TaskKind::classify, "classify"}, {TaskKind::pair, "pair"},
    {TaskKind::regress, "regress"}, {TaskKind::tag, "tag"},           {TaskKind::qa, "qa"}};
constexpr NamedValue<TaskFormat> kFormats[] = {
    {TaskFormat::automatic, "auto"}, {TaskFormat::tsv, "tsv"},     {TaskFormat::csv, "csv"},
    {TaskFormat::jsonl, "jsonl"},    {TaskFormat::conll, "conll"}, {TaskFormat::squad, "squad"}};
constexpr NamedValue<TaskMetric> kMetrics[] = {{TaskMetric::automatic, "auto"},
                                               {TaskMetric::accuracy, "accuracy"},
                                               {TaskMetric::f1, "f1"},
                                               {TaskMetric::macro_f1, "macro_f1"},
                                               {TaskMetric::matthews, "matthews"},
                                               {TaskMetric::pearson, "pearson"},
                                               {TaskMetric::spearman, "spearman"},
                                               {TaskMetric::span_f1, "span_f1"},
                                               {TaskMetric::squad, "squad"},
                                               {TaskMetric::cmrc, "cmrc"}};
constexpr NamedValue<TaggingHead> kHeads[] = {{TaggingHead::linear, "linear"},
                                              {TaggingHead::crf, "crf"},
                                              {TaggingHead::bilstm, "bilstm"},
                                              {TaggingHead::bilstm_crf, "bilstm_crf"}};

// One value or a list of them, none of them missing.
template <typename T>
ConfigType<std::vector<T>> list_of(ConfigType<T> one) {
  const std::string form = fmt::format("list, each a {}", one.form);
  return {form, R"({"type": ["array", "number", "string"]})",
          [read = one.read, form](const ConfigNode& node) {
            std::vector<T> values;
            if (node.kind == ConfigNode::Kind::scalar) values.push_back(read(node));
            for (const ConfigNode& item : node.items) values.push_back(read(item));
            if (values.empty()) throw ScalarError("a " + form + ", such as [2e-5, 5e-5]");
            return values;
          },
          [write = one.write](const std::vector<T>& values) {
            std::vector<std::string> items;
            for (const T& value : values) items.push_back(write(value));
            return fmt::format("[{}]", fmt::join(items, ", "));
          }};
}

ConfigType<std::optional<double>> threshold_type() {
  return {"auto or a number", R"({"type": ["number", "string"]})",
          [](const ConfigNode& node) -> std::optional<double> {
            const std::string& text = scalar_of(node, "auto or a number such as -1.5");
            if (text == "auto") return std::nullopt;
            return parse_real(text);
          },
          [](const std::optional<double>& value) {
            return value ? write_real(*value) : std::string("auto");
          }};
}

std::vector<ConfigField> data_of_task() {
  const auto task = [](auto member) { return at(&RunConfig::task, member); };
  const auto column = [](auto member) {
    return at(&RunConfig::task, &TaskOptions::columns, member);
  };
  return {
      make_field(
          {"task.kind",
           "classify: a class for a text; pair: for two; regress: a number; tag: a label for "
           "every word; qa: an answer in a text",
           kIdentity},
          task(&TaskOptions::kind), choice_type<TaskKind>(kKinds, {})),
      make_field({"task.name",
                  "any name; cola, sst2, mrpc, qqp, stsb, mnli, qnli, rte and wnli bring GLUE's "
                  "columns, labels and metric",
                  kIdentity},
                 task(&TaskOptions::name), text_type()),
      make_field({"task.train", "files to train on"}, task(&TaskOptions::train), text_list_type()),
      make_field({"task.valid", "held-out files; default: a part of the training rows"},
                 task(&TaskOptions::valid), text_list_type()),
      make_field(
          {"task.test",
           "files that the best model predicts at the end, labelled or not: runs/NAME/predictions"},
          task(&TaskOptions::test), text_list_type()),
      make_field({"task.format", "auto: by the files' names", kIdentity},
                 task(&TaskOptions::format), choice_type<TaskFormat>(kFormats, {})),
      make_field({"task.columns.text", "name of the column, or its number where there is no header",
                  kIdentity},
                 column(&TaskColumns::text), text_type()),
      make_field({"task.columns.pair", "likewise, of the second text", kIdentity},
                 column(&TaskColumns::pair), text_type()),
      make_field({"task.columns.label", "likewise, of the label", kIdentity},
                 column(&TaskColumns::label), text_type()),
      make_field({"task.columns.id", "likewise, of the row's id; default: its number", kIdentity},
                 column(&TaskColumns::id), text_type()),
      make_field({"task.labels", "in the order of their ids; default: those of the training rows",
                  kIdentity},
                 task(&TaskOptions::labels), text_list_type()),
      make_field({"task.held_out", "share of the training rows, by hash, where there is no valid",
                  kIdentity},
                 task(&TaskOptions::held_out), fraction_type()),
      make_field({"task.limit", "of training examples, the first so many; 0: all", kIdentity},
                 task(&TaskOptions::limit), count_type<std::int64_t>({0})),
      make_field({"task.metric", "auto: that of the name, else of the kind"},
                 task(&TaskOptions::metric), choice_type<TaskMetric>(kMetrics, {})),
  };
}

std::vector<ConfigField> lengths_of_task() {
  const auto task = [](auto member) { return at(&RunConfig::task, member); };
  return {
      make_field({"task.max_length", "tokens of a sample; for qa 384 by default", kIdentity},
                 task(&TaskOptions::max_length), count_type<int>({8, 65535})),
      make_field({"task.stride", "tokens between the windows of a long text, for qa", kIdentity},
                 task(&TaskOptions::stride), count_type<int>({1, 65535})),
      make_field({"task.max_query", "tokens of a question at most", kIdentity},
                 task(&TaskOptions::max_query), count_type<int>({1, 65535})),
      make_field({"task.max_answer", "tokens of an answer at most"}, task(&TaskOptions::max_answer),
                 count_type<int>({1, 65535})),
      make_field({"task.n_best", "answers to a question that are kept"}, task(&TaskOptions::n_best),
                 count_type<int>({1, 1000})),
      make_field(
          {"task.null_threshold",
           "no answer is given where its score is above the best answer's by more; auto: the "
           "best for the held-out questions, which the model keeps, else 0"},
          task(&TaskOptions::null_threshold), threshold_type()),
  };
}

std::vector<ConfigField> finetune_fields() {
  const auto finetune = [](auto member) { return at(&RunConfig::finetune, member); };
  return {
      make_field({"finetune.lr", "highest learning rates to try"},
                 finetune(&FinetuneSection::learning_rates),
                 list_of(real_type({.least = 0, .excludes_least = true}))),
      make_field({"finetune.batch", "samples of a step to try"},
                 finetune(&FinetuneSection::batches),
                 list_of(count_type<std::int64_t>({1, 1 << 20}))),
      make_field({"finetune.epochs", "passes over the data to try"},
                 finetune(&FinetuneSection::epochs),
                 list_of(real_type({.least = 0, .excludes_least = true}))),
      make_field({"finetune.seeds", "each combination is trained with each of them"},
                 finetune(&FinetuneSection::seeds), list_of(count_type<std::int64_t>({0}))),
      make_field({"finetune.warmup", "share of the steps over which the rate rises", kIdentity},
                 finetune(&FinetuneSection::warmup), fraction_type()),
      make_field({"finetune.early_stopping",
                  "stop after so many evaluations without a better score; 0: never", kIdentity},
                 finetune(&FinetuneSection::early_stopping), count_type<int>({0, 1000000})),
      make_field(
          {"finetune.class_weights",
           "of the loss, by label, or balanced: in inverse proportion to their number", kIdentity},
          finetune(&FinetuneSection::class_weights), text_list_type()),
      make_field({"finetune.head",
                  "of a tagger; crf: labels are decided together; bilstm: an LSTM each way first",
                  kIdentity},
                 finetune(&FinetuneSection::head), choice_type<TaggingHead>(kHeads, {})),
  };
}

}  // namespace

std::vector<ConfigField> task_fields() {
  std::vector<ConfigField> fields;
  for (auto part : {data_of_task(), lengths_of_task(), finetune_fields()}) {
    fields.insert(fields.end(), part.begin(), part.end());
  }
  return fields;
}

}  // namespace bertyard
