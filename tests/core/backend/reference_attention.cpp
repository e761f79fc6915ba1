// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <limits>

#include "tests/core/backend/reference_ops.h"

namespace bertyard::testing {

// One head of one sequence: scores before masking, probabilities, dropout factors, all [L, L].
struct ReferenceAttention::Head {
  std::int64_t first = 0;
  Matrix q, k, v, scores, probability, keep;
};

namespace {

Matrix columns_of(const Matrix& x, std::int64_t first_row, std::int64_t rows,
                  std::int64_t first_column, std::int64_t columns) {
  Matrix part(rows, columns);
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = 0; c < columns; ++c) part(r, c) = x(first_row + r, first_column + c);
  }
  return part;
}

void write_columns(Matrix& to, const Matrix& part, std::int64_t first_row,
                   std::int64_t first_column) {
  for (std::int64_t r = 0; r < part.rows; ++r) {
    for (std::int64_t c = 0; c < part.columns; ++c)
      to(first_row + r, first_column + c) = part(r, c);
  }
}

Matrix scaled(Matrix x, double factor) {
  for (double& value : x.values) value *= factor;
  return x;
}

}  // namespace

ReferenceAttention::Head ReferenceAttention::head_of(const Matrix& qkv, std::size_t sequence,
                                                     std::int64_t head) const {
  const std::int64_t hidden = qkv.columns / 3;
  const std::int64_t width = hidden / heads;
  const std::int64_t first = offsets[sequence];
  const std::int64_t length = offsets[sequence + 1] - first;
  Head h;
  h.first = first;
  h.q = columns_of(qkv, first, length, head * width, width);
  h.k = columns_of(qkv, first, length, hidden + head * width, width);
  h.v = columns_of(qkv, first, length, 2 * hidden + head * width, width);
  h.scores = scaled(product(h.q, transposed(h.k)), 1 / std::sqrt(static_cast<double>(width)));
  h.probability = Matrix(length, length);
  h.keep = Matrix(length, length);
  for (std::int64_t i = 0; i < length; ++i) {
    double sum = 0;
    for (std::int64_t j = 0; j < length; ++j) {
      const bool masked = !key_mask.empty() && key_mask[static_cast<std::size_t>(first + j)] != 0;
      if (masked || (causal && j > i)) continue;
      h.probability(i, j) = std::exp(h.scores(i, j));
      sum += h.probability(i, j);
    }
    for (std::int64_t j = 0; j < length; ++j) {
      if (sum > 0) h.probability(i, j) /= sum;
      const std::int64_t key_position =
          dropout.probability == 0 ? j : dropout.position.as<std::int32_t>()[first + j];
      h.keep(i, j) = keep_factor(dropout, first + i, key_position, head);
    }
  }
  return h;
}

Matrix ReferenceAttention::forward(const Matrix& qkv, Values* scores) const {
  const std::int64_t hidden = qkv.columns / 3;
  Matrix y(qkv.rows, hidden);
  for (std::size_t n = 0; n + 1 < offsets.size(); ++n) {
    for (std::int64_t a = 0; a < heads; ++a) {
      const Head h = head_of(qkv, n, a);
      write_columns(y, product(elementwise(h.probability, h.keep), h.v), h.first,
                    a * hidden / heads);
      if (scores != nullptr) {
        scores->insert(scores->end(), h.scores.values.begin(), h.scores.values.end());
      }
    }
  }
  return y;
}

// dv = (P R)^T dy;  dP = (dy v^T) R;  dS = P (dP - rowsum(dP P)) + dscores.
Matrix ReferenceAttention::backward(const Matrix& dy, const Matrix& qkv,
                                    const Values& dscores) const {
  const std::int64_t hidden = qkv.columns / 3;
  const std::int64_t width = hidden / heads;
  const double scale = 1 / std::sqrt(static_cast<double>(width));
  Matrix dqkv(qkv.rows, qkv.columns);
  std::size_t at = 0;
  for (std::size_t n = 0; n + 1 < offsets.size(); ++n) {
    for (std::int64_t a = 0; a < heads; ++a) {
      const Head h = head_of(qkv, n, a);
      const Matrix dout = columns_of(dy, h.first, h.q.rows, a * width, width);
      Matrix ds = elementwise(product(dout, transposed(h.v)), h.keep);
      for (std::int64_t i = 0; i < ds.rows; ++i) {
        double sum = 0;
        for (std::int64_t j = 0; j < ds.columns; ++j) sum += ds(i, j) * h.probability(i, j);
        for (std::int64_t j = 0; j < ds.columns; ++j) {
          ds(i, j) = h.probability(i, j) * (ds(i, j) - sum);
          if (!dscores.empty()) ds(i, j) += dscores[at++];
        }
      }
      write_columns(dqkv, scaled(product(ds, h.k), scale), h.first, a * width);
      write_columns(dqkv, scaled(product(transposed(ds), h.q), scale), h.first, hidden + a * width);
      write_columns(dqkv, product(transposed(elementwise(h.probability, h.keep)), dout), h.first,
                    2 * hidden + a * width);
    }
  }
  return dqkv;
}

}  // namespace bertyard::testing
