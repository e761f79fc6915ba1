// SPDX-License-Identifier: Apache-2.0
#include "data/tasks/task_encoder.h"

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>

#include "core/base/error.h"

namespace bertyard {
namespace {

// The longer of two texts loses its last token until both fit, as google-research/bert cuts pairs.
void cut_pair(std::vector<std::uint32_t>& a, std::vector<std::uint32_t>& b, std::size_t room) {
  while (a.size() + b.size() > room) (a.size() > b.size() ? a : b).pop_back();
}

// Tokens of the context around token t in a window of tokens first to end, in BERT's own measure:
// the smaller side, and a hundredth of the window's length between equals.
double context_around(std::size_t first, std::size_t end, std::size_t t) {
  const std::size_t left = t - first, right = end - 1 - t;
  return static_cast<double>(std::min(left, right)) + 0.01 * static_cast<double>(end - first);
}

struct ContextPart {
  std::size_t first, end;
};

// Windows of `room` tokens, `stride` apart, to the end.
std::vector<ContextPart> windows_of(std::size_t tokens, std::size_t room, std::size_t stride) {
  std::vector<ContextPart> parts;
  for (std::size_t first = 0; parts.empty() || parts.back().end < tokens;) {
    parts.push_back({first, std::min(tokens, first + room)});
    first += std::min(parts.back().end - first, stride);
  }
  return parts;
}

}  // namespace

TaskEncoder::TaskEncoder(TaskSet& set, const TaskSet::Setting& setting)
    : set_(set),
      setting_(setting),
      worker_(setting.tokenizer),
      special_(setting.vocabulary.special()),
      max_length_(static_cast<std::size_t>(setting.max_length)) {
  for (const std::string& label : setting.labels) {
    label_ids_.emplace(label, static_cast<std::uint32_t>(label_ids_.size()));
  }
}

std::vector<std::uint32_t> TaskEncoder::ids_of(std::string_view text) {
  std::vector<std::uint32_t> ids;
  worker_.tokenize(text, ids);
  return ids;
}

std::int32_t TaskEncoder::label_id(const std::string& label, const std::string& place) {
  const auto found = label_ids_.find(label);
  if (found != label_ids_.end()) return static_cast<std::int32_t>(found->second);
  std::vector<BadRow>& odd = set_.examples_.odd_labels;
  if (odd.empty() || odd.back().place != place) {
    odd.push_back({place, fmt::format("the model does not have the label '{}'", label)});
  }
  return -1;
}

void TaskEncoder::encode(const TextExample& example) {
  TaskSet::Sample sample;
  std::vector<std::uint32_t> a = ids_of(example.text), b;
  const std::size_t specials = example.pair ? 3 : 2;
  if (example.pair) b = ids_of(*example.pair);
  if (a.size() + b.size() + specials > max_length_) {
    ++set_.truncated_;
    cut_pair(a, b, max_length_ - specials);
  }
  sample.tokens.push_back(special_.cls);
  sample.tokens.insert(sample.tokens.end(), a.begin(), a.end());
  sample.tokens.push_back(special_.sep);
  sample.a_length = static_cast<std::uint32_t>(sample.tokens.size());
  if (example.pair) {
    sample.tokens.insert(sample.tokens.end(), b.begin(), b.end());
    sample.tokens.push_back(special_.sep);
  }
  if (setting_.options.kind == TaskKind::regress) {
    sample.task_values.push_back(example.label ? std::strtof(example.label->c_str(), nullptr) : 0);
  } else {
    sample.task_labels.push_back(example.label ? label_id(*example.label, example.place) : -1);
  }
  set_.samples_.push_back(std::move(sample));
}

void TaskEncoder::add_tag_window(const TagWindow& window, TaskSet::Sample sample) {
  sample.tokens.push_back(special_.sep);
  sample.a_length = static_cast<std::uint32_t>(sample.tokens.size());
  set_.tag_windows_.push_back(window);
  set_.samples_.push_back(std::move(sample));
}

void TaskEncoder::encode(const TagExample& example, std::size_t index) {
  TagWindow window{index, 0, 0};
  TaskSet::Sample sample;
  sample.tokens.push_back(special_.cls);
  for (std::size_t w = 0; w < example.words.size(); ++w) {
    std::vector<std::uint32_t> ids = ids_of(example.words[w]);
    if (ids.empty()) ids.push_back(special_.unknown);  // nothing but control characters
    ids.resize(std::min(ids.size(), max_length_ - 2));
    if (sample.tokens.size() + ids.size() + 1 > max_length_) {
      add_tag_window(window, std::move(sample));
      window = {index, w, 0};
      sample = {};
      sample.tokens.push_back(special_.cls);
      ++set_.truncated_;
    }
    sample.positions.push_back(static_cast<std::uint32_t>(sample.tokens.size()));
    const std::int32_t label =
        example.labels.empty() ? -1 : label_id(example.labels[w], example.place);
    sample.labels.push_back(static_cast<std::uint32_t>(label));
    sample.tokens.insert(sample.tokens.end(), ids.begin(), ids.end());
    ++window.words;
  }
  add_tag_window(window, std::move(sample));
}

void TaskEncoder::encode(const AnswerExample& example, std::size_t index) {
  query_ = ids_of(example.question);
  query_.resize(std::min(query_.size(), static_cast<std::size_t>(setting_.options.max_query)));
  worker_.encode(*example.context, encoding_);
  if (query_.size() + 3 >= max_length_) {
    throw UsageError(fmt::format(
        "{}: its question of {} tokens leaves no room in a sample of {}; raise task.max_length or "
        "lower task.max_query",
        example.place, query_.size(), max_length_));
  }
  const std::size_t room = max_length_ - query_.size() - 3;
  const auto parts =
      windows_of(encoding_.ids.size(), room, static_cast<std::size_t>(setting_.options.stride));
  if (parts.size() > 1) ++set_.truncated_;
  for (const ContextPart& part : parts) {
    AnswerWindow window;
    window.example = index;
    for (std::size_t t = part.first; t < part.end; ++t) {
      window.spans.push_back(encoding_.spans[t]);
      const double here = context_around(part.first, part.end, t);
      // Of equals the first window counts.
      const bool best = std::none_of(parts.begin(), parts.end(), [&](const ContextPart& other) {
        if (t < other.first || t >= other.end || other.first == part.first) return false;
        const double there = context_around(other.first, other.end, t);
        return there > here || (there == here && other.first < part.first);
      });
      window.is_best.push_back(best ? 1 : 0);
    }
    window.first_token = static_cast<std::uint32_t>(part.first);
    add_answer_window(std::move(window), example);
  }
}

// `window.first_token` comes as a token of the context and leaves as a position in the sample.
void TaskEncoder::add_answer_window(AnswerWindow window, const AnswerExample& example) {
  TaskSet::Sample sample;
  sample.tokens.push_back(special_.cls);
  sample.tokens.insert(sample.tokens.end(), query_.begin(), query_.end());
  sample.tokens.push_back(special_.sep);
  sample.a_length = static_cast<std::uint32_t>(sample.tokens.size());
  const auto first = encoding_.ids.begin() + window.first_token;
  sample.tokens.insert(sample.tokens.end(), first, first + std::ssize(window.spans));
  sample.tokens.push_back(special_.sep);
  window.first_token = sample.a_length;
  label_answer(window, example, sample);
  set_.answer_windows_.push_back(std::move(window));
  set_.samples_.push_back(std::move(sample));
}

// The first answer's tokens where the window holds all of them, else [CLS] twice.
void TaskEncoder::label_answer(const AnswerWindow& window, const AnswerExample& example,
                               TaskSet::Sample& sample) const {
  sample.task_labels = {0, 0};
  if (example.answers.empty() || !example.answers.front().placed || window.spans.empty()) return;
  const Answer& answer = example.answers.front();
  const std::uint32_t begin = answer.begin;
  const auto end = static_cast<std::uint32_t>(begin + answer.text.size());
  const auto first = std::find_if(window.spans.begin(), window.spans.end(),
                                  [&](const TextSpan& span) { return span.end > begin; });
  auto last = window.spans.end();
  while (last != window.spans.begin() && (last - 1)->begin >= end) --last;
  const bool inside = first != window.spans.end() && last > first &&
                      window.spans.front().begin <= begin && window.spans.back().end >= end;
  if (!inside) return;
  const auto at = [&](auto token) {
    return static_cast<std::int32_t>(window.first_token + (token - window.spans.begin()));
  };
  sample.task_labels = {at(first), at(last - 1)};
}

}  // namespace bertyard
