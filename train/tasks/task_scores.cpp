// SPDX-License-Identifier: Apache-2.0
#include "train/tasks/task_scores.h"

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>

#include "core/base/error.h"
#include "train/tasks/answer_metrics.h"
#include "train/tasks/label_metrics.h"

namespace bertyard {
namespace {

using Figures = std::vector<std::pair<std::string, double>>;

int greatest(std::span<const double> values) {
  return static_cast<int>(std::max_element(values.begin(), values.end()) - values.begin());
}

const char* name_of(TaskMetric metric) {
  switch (metric) {
    case TaskMetric::automatic:
    case TaskMetric::accuracy:
      return "accuracy";
    case TaskMetric::f1:
    case TaskMetric::squad:
    case TaskMetric::cmrc:
      return "f1";
    case TaskMetric::macro_f1:
      return "macro_f1";
    case TaskMetric::matthews:
      return "matthews";
    case TaskMetric::pearson:
      return "pearson";
    case TaskMetric::spearman:
      return "spearman";
    case TaskMetric::span_f1:
      return "span_f1";
  }
  return "";
}

// The classes of the rows that have a label; -1 for one that the model does not have.
struct LabelledClasses {
  std::vector<int> gold, found;
  std::vector<const TextExample*> rows;
};
LabelledClasses labelled_classes(const TaskSet& set, const std::vector<int>& predicted) {
  LabelledClasses classes;
  const auto& labels = set.labels();
  const std::vector<TextExample>& texts = set.examples().texts;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (!texts[i].label) continue;
    const auto found = std::find(labels.begin(), labels.end(), *texts[i].label);
    classes.gold.push_back(found == labels.end() ? -1 : static_cast<int>(found - labels.begin()));
    classes.found.push_back(predicted[i]);
    classes.rows.push_back(&texts[i]);
  }
  return classes;
}

// MNLI is scored twice: on the genres of its training rows and on others.
void add_mnli(Figures& figures, const LabelledClasses& classes) {
  const auto& [gold, found, rows] = classes;
  for (const bool mismatched : {false, true}) {
    std::vector<int> part_gold, part_found;
    for (std::size_t i = 0; i < gold.size(); ++i) {
      if (is_mismatched(*rows[i]) != mismatched) continue;
      part_gold.push_back(gold[i]);
      part_found.push_back(found[i]);
    }
    if (part_gold.empty()) continue;
    figures.emplace_back(mismatched ? "accuracy_mm" : "accuracy_m",
                         accuracy(part_gold, part_found));
  }
}

Figures class_figures(const TaskSet& set, const TaskOptions& options,
                      const TaskPredictions& predictions) {
  const LabelledClasses classes = labelled_classes(set, predictions.classes);
  const auto& [gold, found, rows] = classes;
  Figures figures{{"accuracy", accuracy(gold, found)},
                  {"f1", f1_of(gold, found, 1)},
                  {"macro_f1", macro_f1(gold, found)},
                  {"matthews", matthews(gold, found)}};
  if (options.name == "mnli") add_mnli(figures, classes);
  return figures;
}

Figures value_figures(const TaskSet& set, const TaskPredictions& predictions) {
  std::vector<double> gold, found;
  const std::vector<TextExample>& texts = set.examples().texts;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (!texts[i].label) continue;
    gold.push_back(std::strtod(texts[i].label->c_str(), nullptr));
    found.push_back(predictions.values[i]);
  }
  return {{"pearson", pearson(gold, found)}, {"spearman", spearman(gold, found)}};
}

std::vector<std::string> accepted_answers(const AnswerExample& example, bool version_2) {
  std::vector<std::string> texts;
  for (const Answer& answer : example.answers) {
    if (!version_2 || !normalize_answer(answer.text).empty()) texts.push_back(answer.text);
  }
  return texts;
}

AnswerScore score_of(const AnswerExample& example, const std::string& found, TaskMetric metric,
                     bool version_2) {
  const std::vector<std::string> accepted = accepted_answers(example, version_2);
  if (metric == TaskMetric::cmrc) return cmrc_score(found, accepted);
  return squad_score(found, accepted, version_2 ? SquadVersion::two : SquadVersion::one);
}

// With the threshold that is best by F1.
double best_threshold(const TaskSet& set, const std::vector<AnswerPrediction>& answers,
                      TaskMetric metric) {
  std::vector<NullDecision> decisions;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const AnswerExample& example = set.examples().answers[i];
    const std::string& best = answers[i].best().text;
    decisions.push_back({score_of(example, best, metric, true).f1,
                         !accepted_answers(example, true).empty(), answers[i].null_odds});
  }
  return best_null_threshold(std::move(decisions)).threshold;
}

Figures answer_figures(const TaskSet& set, const TaskOptions& options,
                       const TaskPredictions& predictions) {
  const bool version_2 = set.examples().version_2;
  AnswerScore sum;
  const auto& examples = set.examples().answers;
  for (std::size_t i = 0; i < examples.size(); ++i) {
    const AnswerScore score = score_of(examples[i], given_answer(predictions, i, version_2),
                                       metric_of(options), version_2);
    sum.exact += score.exact;
    sum.f1 += score.f1;
  }
  const auto count = static_cast<double>(std::max<std::size_t>(1, examples.size()));
  Figures figures{{"f1", sum.f1 / count}, {"exact_match", sum.exact / count}};
  if (version_2) figures.emplace_back(kNullThreshold, predictions.null_threshold);
  return figures;
}

void put_first(Figures& figures, const char* name) {
  const auto found = std::find_if(figures.begin(), figures.end(),
                                  [name](const auto& figure) { return figure.first == name; });
  if (found == figures.end()) {
    throw UsageError(fmt::format("task.metric: {} is no metric of this kind of task", name));
  }
  std::rotate(figures.begin(), found, found + 1);
}

LabelSequence tags_of(const TaskSet& set, std::span<const double> logits, const CrfTable& crf) {
  const std::size_t classes = set.labels().size();
  std::vector<int> ids;
  if (!crf.transitions.empty()) {
    ids = viterbi(logits, crf);
  } else {
    for (std::size_t t = 0; t < logits.size(); t += classes) {
      ids.push_back(greatest(logits.subspan(t, classes)));
    }
  }
  LabelSequence tags;
  for (const int id : ids) tags.push_back(set.labels()[static_cast<std::size_t>(id)]);
  return tags;
}

}  // namespace

std::vector<int> viterbi(std::span<const double> emissions, const CrfTable& crf) {
  const std::size_t classes = crf.start.size(), length = emissions.size() / classes;
  if (length == 0) return {};
  std::vector<double> best(classes), next(classes);
  std::vector<std::size_t> from(length * classes, 0);
  for (std::size_t c = 0; c < classes; ++c) best[c] = crf.start[c] + emissions[c];
  for (std::size_t t = 1; t < length; ++t) {
    for (std::size_t c = 0; c < classes; ++c) {
      std::size_t choice = 0;
      for (std::size_t f = 1; f < classes; ++f) {
        const auto score = [&](std::size_t k) {
          return best[k] + crf.transitions[k * classes + c];
        };
        if (score(f) > score(choice)) choice = f;
      }
      from[t * classes + c] = choice;
      next[c] = best[choice] + crf.transitions[choice * classes + c] + emissions[t * classes + c];
    }
    std::swap(best, next);
  }
  for (std::size_t c = 0; c < classes; ++c) best[c] += crf.end[c];
  std::vector<int> path(length);
  std::size_t label = static_cast<std::size_t>(greatest(best));
  for (std::size_t t = length; t-- > 0;) {
    path[t] = static_cast<int>(label);
    label = from[t * classes + label];
  }
  return path;
}

TaskMetric metric_of(const TaskOptions& options) {
  if (options.metric != TaskMetric::automatic) return options.metric;
  const TaskLayout* layout = find_layout(options.name);
  if (layout != nullptr && layout->kind == options.kind) return layout->metric;
  switch (options.kind) {
    case TaskKind::regress:
      return TaskMetric::pearson;
    case TaskKind::tag:
      return TaskMetric::span_f1;
    case TaskKind::qa:
      return TaskMetric::squad;
    case TaskKind::none:
    case TaskKind::classify:
    case TaskKind::pair:
      break;
  }
  return TaskMetric::accuracy;
}

TaskPredictions predict_task(const TaskSet& set, const TaskOptions& options,
                             const TaskOutputs& outputs, const CrfTable& crf) {
  TaskPredictions predictions;
  const TaskExamples& examples = set.examples();
  for (std::size_t i = 0; i < examples.texts.size(); ++i) {
    const std::span<const double> logits = outputs.of(i);
    if (options.kind == TaskKind::regress) {
      predictions.values.push_back(logits[0]);
    } else {
      predictions.classes.push_back(greatest(logits));
    }
  }
  predictions.tags.resize(examples.tags.size());
  for (std::size_t w = 0; w < set.tag_windows().size(); ++w) {
    const LabelSequence part = tags_of(set, outputs.of(w), crf);
    LabelSequence& whole = predictions.tags[set.tag_windows()[w].example];
    whole.insert(whole.end(), part.begin(), part.end());
  }
  if (examples.answers.empty()) return predictions;
  predictions.answers = choose_answers(set, options, outputs);
  if (examples.version_2) {
    predictions.null_threshold = options.null_threshold ? *options.null_threshold
                                 : examples.has_labels()
                                     ? best_threshold(set, predictions.answers, metric_of(options))
                                     : 0.0;
  }
  return predictions;
}

const std::string& given_answer(const TaskPredictions& predictions, std::size_t question,
                                bool version_2) {
  static const std::string kNone;
  const AnswerPrediction& answer = predictions.answers[question];
  if (version_2 && answer.null_odds > predictions.null_threshold) return kNone;
  return answer.best().text;
}

std::string figure_text(const std::string& name, double value) {
  if (std::isnan(value)) return "none";
  return fmt::format("{:.2f}", name == kNullThreshold ? value : 100 * value);
}

TaskScores score_task(const TaskSet& set, const TaskOptions& options,
                      const TaskPredictions& predictions) {
  TaskScores scores;
  switch (options.kind) {
    case TaskKind::regress:
      scores.figures = value_figures(set, predictions);
      break;
    case TaskKind::tag: {
      std::vector<LabelSequence> gold, found;
      for (std::size_t i = 0; i < predictions.tags.size(); ++i) {
        if (set.examples().tags[i].labels.empty()) continue;
        gold.push_back(set.examples().tags[i].labels);
        found.push_back(predictions.tags[i]);
      }
      const SpanReport report = compare_spans(gold, found);
      scores.figures = {{"span_f1", report.all.f1()},
                        {"precision", report.all.precision()},
                        {"recall", report.all.recall()},
                        {"accuracy", report.accuracy()}};
      scores.details = conlleval_text(report);
      break;
    }
    case TaskKind::qa:
      scores.figures = answer_figures(set, options, predictions);
      break;
    case TaskKind::none:
    case TaskKind::classify:
    case TaskKind::pair:
      scores.figures = class_figures(set, options, predictions);
      break;
  }
  put_first(scores.figures, name_of(metric_of(options)));
  return scores;
}

}  // namespace bertyard
