// SPDX-License-Identifier: Apache-2.0
#include "train/tasks/label_metrics.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>
#include <vector>

#include "core/base/error.h"

namespace bertyard {
namespace {

double ratio(double a, double b) {
  return b == 0 ? 0.0 : a / b;
}

template <typename T>
void check_sizes(std::span<const T> gold, std::span<const T> found) {
  BERTYARD_CHECK(gold.size() == found.size(),
                 "metric: as many predictions as gold values expected");
}

bool all_finite(std::span<const double> values) {
  return std::all_of(values.begin(), values.end(),
                     [](double value) { return std::isfinite(value); });
}

// Ranks from 1, ties at the mean of their places. The values are finite: NaN has no order.
std::vector<double> ranks_of(std::span<const double> values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  std::vector<double> ranks(values.size());
  for (std::size_t first = 0; first < order.size();) {
    std::size_t end = first;
    while (end < order.size() && values[order[end]] == values[order[first]]) ++end;
    const double mean = (static_cast<double>(first + 1) + static_cast<double>(end)) / 2;
    for (std::size_t i = first; i < end; ++i) ranks[order[i]] = mean;
    first = end;
  }
  return ranks;
}

}  // namespace

double accuracy(std::span<const int> gold, std::span<const int> found) {
  check_sizes(gold, found);
  double right = 0;
  for (std::size_t i = 0; i < gold.size(); ++i) right += gold[i] == found[i] ? 1 : 0;
  return ratio(right, static_cast<double>(gold.size()));
}

double f1_of(std::span<const int> gold, std::span<const int> found, int label) {
  check_sizes(gold, found);
  double both = 0, in_gold = 0, in_found = 0;
  for (std::size_t i = 0; i < gold.size(); ++i) {
    both += gold[i] == label && found[i] == label ? 1 : 0;
    in_gold += gold[i] == label ? 1 : 0;
    in_found += found[i] == label ? 1 : 0;
  }
  return ratio(2 * both, in_gold + in_found);
}

double macro_f1(std::span<const int> gold, std::span<const int> found) {
  std::set<int> labels(gold.begin(), gold.end());
  labels.insert(found.begin(), found.end());
  double sum = 0;
  for (const int label : labels) sum += f1_of(gold, found, label);
  return ratio(sum, static_cast<double>(labels.size()));
}

// With c right of s, and t_k and p_k how often k is the truth and predicted:
//   (c s - sum p_k t_k) / sqrt((s^2 - sum p_k^2) (s^2 - sum t_k^2))
double matthews(std::span<const int> gold, std::span<const int> found) {
  check_sizes(gold, found);
  std::map<int, double> truth, predicted;
  double right = 0;
  for (std::size_t i = 0; i < gold.size(); ++i) {
    ++truth[gold[i]];
    ++predicted[found[i]];
    right += gold[i] == found[i] ? 1 : 0;
  }
  const auto samples = static_cast<double>(gold.size());
  double products = 0, truth_squares = 0, predicted_squares = 0;
  for (const auto& [label, count] : truth) {
    truth_squares += count * count;
    const auto other = predicted.find(label);
    if (other != predicted.end()) products += count * other->second;
  }
  for (const auto& [label, count] : predicted) predicted_squares += count * count;
  return ratio(right * samples - products, std::sqrt(samples * samples - predicted_squares) *
                                               std::sqrt(samples * samples - truth_squares));
}

double pearson(std::span<const double> gold, std::span<const double> found) {
  check_sizes(gold, found);
  if (!all_finite(gold) || !all_finite(found)) return 0;
  const auto count = static_cast<double>(gold.size());
  const double gold_mean = ratio(std::accumulate(gold.begin(), gold.end(), 0.0), count);
  const double found_mean = ratio(std::accumulate(found.begin(), found.end(), 0.0), count);
  double products = 0, gold_squares = 0, found_squares = 0;
  for (std::size_t i = 0; i < gold.size(); ++i) {
    const double a = gold[i] - gold_mean, b = found[i] - found_mean;
    products += a * b;
    gold_squares += a * a;
    found_squares += b * b;
  }
  return ratio(products, std::sqrt(gold_squares) * std::sqrt(found_squares));
}

double spearman(std::span<const double> gold, std::span<const double> found) {
  check_sizes(gold, found);
  if (!all_finite(gold) || !all_finite(found)) return 0;
  return pearson(ranks_of(gold), ranks_of(found));
}

}  // namespace bertyard
