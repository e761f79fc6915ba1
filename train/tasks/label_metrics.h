// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

namespace bertyard {

// Scores of classes and numbers as scikit-learn and scipy define them, which GLUE's scripts call.
// All in double; what cannot be said (a division by zero) is 0. A gold label of -1 is never right.

double accuracy(std::span<const int> gold, std::span<const int> found);
// Harmonic mean of precision and recall of one class.
double f1_of(std::span<const int> gold, std::span<const int> found, int label);
// Mean of f1_of over the labels that occur in either.
double macro_f1(std::span<const int> gold, std::span<const int> found);
// Matthews correlation, for any number of classes (Gorodkin 2004).
double matthews(std::span<const int> gold, std::span<const int> found);

// Correlations are 0 where a value is NaN or infinite, for there is none to speak of.
double pearson(std::span<const double> gold, std::span<const double> found);
// Pearson's of the ranks; equal values share the mean of theirs.
double spearman(std::span<const double> gold, std::span<const double> found);

}  // namespace bertyard
