// SPDX-License-Identifier: Apache-2.0
// The loss of a linear-chain conditional random field by the forward-backward algorithm, in double
// and in log space, one sequence at a time: sequences are short and labels few, and the gradients
// of the transitions are then added in one order.
#include <algorithm>
#include <cmath>
#include <vector>

#include "core/backend/cpu/cpu_loss_ops.h"
#include "core/backend/cpu/small_rows.h"
#include "core/backend/cpu/tensor_checks.h"

namespace bertyard {
namespace {

double log_sum_exp(const std::vector<double>& values) {
  const double maximum = *std::max_element(values.begin(), values.end());
  double sum = 0;
  for (const double value : values) sum += std::exp(value - maximum);
  return maximum + std::log(sum);
}

// Rows first to end of the emissions are one sequence.
struct CrfSequence {
  const Elements& emissions;
  const float* transitions;
  const float* start;
  const float* end;
  const std::int32_t* labels;
  std::int64_t first = 0, length = 0, classes = 0;

  double emission(std::int64_t t, std::int64_t c) const {
    return emissions[(first + t) * classes + c];
  }
  double transition(std::int64_t from, std::int64_t to) const {
    return transitions[from * classes + to];
  }
  std::int32_t label(std::int64_t t) const { return labels[first + t]; }
  bool labelled() const {
    return length > 0 && std::all_of(labels + first, labels + first + length,
                                     [](std::int32_t label) { return label >= 0; });
  }
};

double gold_score(const CrfSequence& s) {
  double score = static_cast<double>(s.start[s.label(0)]) + s.end[s.label(s.length - 1)];
  for (std::int64_t t = 0; t < s.length; ++t) {
    score += s.emission(t, s.label(t));
    if (t > 0) score += s.transition(s.label(t - 1), s.label(t));
  }
  return score;
}

// alpha[t][c]: log sum over the paths to label c at t, its emission included.
std::vector<double> forward_scores(const CrfSequence& s) {
  std::vector<double> alpha(static_cast<std::size_t>(s.length * s.classes));
  std::vector<double> terms(static_cast<std::size_t>(s.classes));
  const auto at = [&](std::int64_t t, std::int64_t c) -> double& {
    return alpha[static_cast<std::size_t>(t * s.classes + c)];
  };
  for (std::int64_t c = 0; c < s.classes; ++c) at(0, c) = s.start[c] + s.emission(0, c);
  for (std::int64_t t = 1; t < s.length; ++t) {
    for (std::int64_t c = 0; c < s.classes; ++c) {
      for (std::int64_t from = 0; from < s.classes; ++from) {
        terms[static_cast<std::size_t>(from)] = at(t - 1, from) + s.transition(from, c);
      }
      at(t, c) = log_sum_exp(terms) + s.emission(t, c);
    }
  }
  return alpha;
}

// beta[t][c]: log sum over the ways on from label c at t, its emission left out.
std::vector<double> backward_scores(const CrfSequence& s) {
  std::vector<double> beta(static_cast<std::size_t>(s.length * s.classes));
  std::vector<double> terms(static_cast<std::size_t>(s.classes));
  const auto at = [&](std::int64_t t, std::int64_t c) -> double& {
    return beta[static_cast<std::size_t>(t * s.classes + c)];
  };
  for (std::int64_t c = 0; c < s.classes; ++c) at(s.length - 1, c) = s.end[c];
  for (std::int64_t t = s.length - 2; t >= 0; --t) {
    for (std::int64_t c = 0; c < s.classes; ++c) {
      for (std::int64_t to = 0; to < s.classes; ++to) {
        terms[static_cast<std::size_t>(to)] =
            s.transition(c, to) + s.emission(t + 1, to) + at(t + 1, to);
      }
      at(t, c) = log_sum_exp(terms);
    }
  }
  return beta;
}

double log_partition(const CrfSequence& s, const std::vector<double>& alpha) {
  std::vector<double> terms(static_cast<std::size_t>(s.classes));
  for (std::int64_t c = 0; c < s.classes; ++c) {
    terms[static_cast<std::size_t>(c)] =
        alpha[static_cast<std::size_t>((s.length - 1) * s.classes + c)] + s.end[c];
  }
  return log_sum_exp(terms);
}

// d log Z = expected counts under the model, d gold = the gold's counts; in double, then added.
class CrfBackward {
 public:
  CrfBackward(const CrfSequence& s, const std::vector<double>& alpha, double log_z)
      : s_(s), alpha_(alpha), beta_(backward_scores(s)), log_z_(log_z) {}

  double marginal(std::int64_t t, std::int64_t c) const {
    return std::exp(at(alpha_, t, c) + at(beta_, t, c) - log_z_);
  }
  void add_ends(float* dstart, float* dend, double scale) const {
    for (std::int64_t c = 0; c < s_.classes; ++c) {
      const double first = marginal(0, c) - (s_.label(0) == c ? 1 : 0);
      const double last = marginal(s_.length - 1, c) - (s_.label(s_.length - 1) == c ? 1 : 0);
      dstart[c] += static_cast<float>(first * scale);
      dend[c] += static_cast<float>(last * scale);
    }
  }
  void add_transitions(float* dtransitions, double scale) const {
    for (std::int64_t from = 0; from < s_.classes; ++from) {
      for (std::int64_t to = 0; to < s_.classes; ++to) {
        double sum = 0;
        for (std::int64_t t = 1; t < s_.length; ++t) {
          sum += std::exp(at(alpha_, t - 1, from) + s_.transition(from, to) + s_.emission(t, to) +
                          at(beta_, t, to) - log_z_);
          if (s_.label(t - 1) == from && s_.label(t) == to) sum -= 1;
        }
        dtransitions[from * s_.classes + to] += static_cast<float>(sum * scale);
      }
    }
  }

 private:
  double at(const std::vector<double>& values, std::int64_t t, std::int64_t c) const {
    return values[static_cast<std::size_t>(t * s_.classes + c)];
  }

  const CrfSequence& s_;
  const std::vector<double>& alpha_;
  std::vector<double> beta_;
  double log_z_;
};

void check_crf(std::string_view operation, const ConstTensorView& loss,
               const ConstTensorView& emissions, const CrfScores& scores, const CrfRows& rows) {
  check_rank({operation, "emissions"}, emissions, 2);
  check_activation({operation, "emissions"}, emissions, emissions.dtype(), emissions.shape());
  const std::int64_t classes = emissions.shape()[1];
  check_f32({operation, "transitions"}, scores.transitions, {classes, classes});
  check_f32({operation, "start"}, scores.start, {classes});
  check_f32({operation, "end"}, scores.end, {classes});
  check_tensor({operation, "labels"}, rows.labels, DType::i32, {emissions.rows()});
  check_tensor({operation, "rows"}, rows.rows, DType::i32, {emissions.rows()});
  check_tensor({operation, "offsets"}, rows.offsets, DType::i32, {rows.offsets.rows()});
  check_f32({operation, "loss"}, loss, {rows.offsets.rows() - 1});
}

// Calls work(n, sequence) for each sequence with its labelled rows.
template <typename Work>
void for_each_sequence(const Elements& emissions, std::int64_t classes, const CrfScores& scores,
                       const CrfRows& rows, const Work& work) {
  const auto* row = rows.rows.as<std::int32_t>();
  const auto* offset = rows.offsets.as<std::int32_t>();
  std::int64_t first = 0;
  for (std::int64_t n = 0; n < rows.offsets.rows() - 1; ++n) {
    std::int64_t end = first;
    while (end < rows.rows.rows() && row[end] < offset[n + 1]) ++end;
    work(n, CrfSequence{emissions, scores.transitions.as<float>(), scores.start.as<float>(),
                        scores.end.as<float>(), rows.labels.as<std::int32_t>(), first, end - first,
                        classes});
    first = end;
  }
}

}  // namespace

void CpuLossOps::crf(TensorView loss, ConstTensorView emissions, const CrfScores& scores,
                     const CrfRows& rows) {
  check_crf("crf", loss, emissions, scores, rows);
  for_each_sequence(
      Elements(emissions), emissions.shape()[1], scores, rows,
      [&](std::int64_t n, const CrfSequence& s) {
        loss.as<float>()[n] =
            s.labelled() ? static_cast<float>(log_partition(s, forward_scores(s)) - gold_score(s))
                         : 0.0f;
      });
}

// demissions = (marginal - onehot) scale;  dtransitions += (expected - gold counts) scale
void CpuLossOps::crf_gradient(TensorView loss, TensorView emissions, const CrfGradients& gradients,
                              const CrfScores& scores, const CrfRows& rows, ConstTensorView scale) {
  check_crf("crf_gradient", loss, emissions, scores, rows);
  check_f32({"crf_gradient", "scale"}, scale, {1});
  const std::int64_t classes = emissions.shape()[1];
  const double factor = scale.as<float>()[0];
  const WritableElements out(emissions);
  for_each_sequence(out, classes, scores, rows, [&](std::int64_t n, const CrfSequence& s) {
    loss.as<float>()[n] = 0.0f;
    if (!s.labelled()) {
      for (std::int64_t i = 0; i < s.length * classes; ++i) out.set(s.first * classes + i, 0.0f);
      return;
    }
    const std::vector<double> alpha = forward_scores(s);
    const double log_z = log_partition(s, alpha);
    loss.as<float>()[n] = static_cast<float>(log_z - gold_score(s));
    const CrfBackward backward(s, alpha, log_z);
    backward.add_ends(gradients.start.as<float>(), gradients.end.as<float>(), factor);
    backward.add_transitions(gradients.transitions.as<float>(), factor);
    for (std::int64_t t = 0; t < s.length; ++t) {  // last: the emissions are overwritten
      for (std::int64_t c = 0; c < classes; ++c) {
        const double d = backward.marginal(t, c) - (s.label(t) == c ? 1 : 0);
        out.set((s.first + t) * classes + c, static_cast<float>(d * factor));
      }
    }
  });
}

}  // namespace bertyard
