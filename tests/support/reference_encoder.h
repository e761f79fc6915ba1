// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "core/nn/model_config.h"
#include "core/nn/parameters.h"

namespace bertyard::testing {

// The encoder's forward in float64, straight from the formulas and by the parameters' names: one
// sequence, no packing, no dropout, every head by itself.
class ReferenceEncoder {
 public:
  using Matrix = std::vector<std::vector<double>>;
  struct States {
    std::vector<Matrix> hidden;  // embedding, then the layers: [T, H]
    std::vector<Matrix> scores;  // of a layer: head after head, [A T, T], before softmax and mask
  };

  ReferenceEncoder(const ModelConfig& config, const ParameterStore& store, bool causal = false)
      : config_(config), store_(store), causal_(causal) {}

  States run(const std::vector<std::uint32_t>& tokens, std::int32_t segment = 0) const {
    States states;
    Matrix x;
    for (std::size_t t = 0; t < tokens.size(); ++t) {
      x.push_back(row("bert.embeddings.word_embeddings.weight", tokens[t]));
      const auto p = row("bert.embeddings.position_embeddings.weight", t);
      const auto s =
          row("bert.embeddings.token_type_embeddings.weight", static_cast<std::size_t>(segment));
      for (std::size_t c = 0; c < p.size(); ++c) x[t][c] += p[c] + s[c];
    }
    norm(x, "bert.embeddings.LayerNorm");
    states.hidden.push_back(x);
    for (std::int64_t i = 0; i < config_.layers; ++i) {
      layer(x, "bert.encoder.layer." + std::to_string(i) + ".", states.scores.emplace_back());
      states.hidden.push_back(x);
    }
    return states;
  }

  // x W^T + b
  Matrix linear(const Matrix& x, const std::string& name) const {
    const auto bias = row(name + ".bias", 0);
    Matrix y(x.size(), bias);
    for (std::size_t o = 0; o < bias.size(); ++o) {
      const auto w = row(name + ".weight", o);
      for (std::size_t t = 0; t < x.size(); ++t) {
        for (std::size_t c = 0; c < w.size(); ++c) y[t][o] += x[t][c] * w[c];
      }
    }
    return y;
  }

  // Row of a matrix, or the whole of a vector.
  std::vector<double> row(const std::string& name, std::size_t index) const {
    const ParameterId id = *store_.find(name);
    const auto values = store_.value(id).span<float>();
    const Shape& shape = store_.info(id).shape;
    const auto columns = static_cast<std::size_t>(shape[shape.rank() - 1]);
    const auto begin = values.begin() + static_cast<std::ptrdiff_t>(index * columns);
    return {begin, begin + static_cast<std::ptrdiff_t>(columns)};
  }

  void norm(Matrix& x, const std::string& name) const {
    const auto gamma = row(name + ".weight", 0);
    const auto beta = row(name + ".bias", 0);
    for (auto& values : x) {
      const auto n = static_cast<double>(values.size());
      double mean = 0, variance = 0;
      for (const double v : values) mean += v / n;
      for (const double v : values) variance += (v - mean) * (v - mean) / n;
      for (std::size_t c = 0; c < values.size(); ++c) {
        values[c] = (values[c] - mean) / std::sqrt(variance + config_.norm_epsilon) * gamma[c];
        values[c] += beta[c];
      }
    }
  }

  double activate(double x) const {
    if (config_.activation == Activation::gelu_erf)
      return 0.5 * x * (1 + std::erf(x / std::sqrt(2)));
    return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
  }

 private:
  Matrix attend(const Matrix& x, const std::string& prefix, Matrix& scores) const {
    const Matrix q = linear(x, prefix + "query"), k = linear(x, prefix + "key"),
                 v = linear(x, prefix + "value");
    const auto d = static_cast<std::size_t>(config_.head_size());
    Matrix y(x.size(), std::vector<double>(x[0].size(), 0.0));
    for (std::size_t h = 0; h < static_cast<std::size_t>(config_.heads); ++h) {
      for (std::size_t t = 0; t < x.size(); ++t) {
        std::vector<double> s(x.size(), 0.0);
        for (std::size_t u = 0; u < x.size(); ++u) {
          for (std::size_t c = h * d; c < (h + 1) * d; ++c) s[u] += q[t][c] * k[u][c];
          s[u] /= std::sqrt(static_cast<double>(d));
        }
        scores.push_back(s);
        const std::size_t seen = causal_ ? t + 1 : x.size();
        double sum = 0;
        for (std::size_t u = 0; u < seen; ++u) sum += std::exp(s[u]);
        for (std::size_t u = 0; u < seen; ++u) {
          for (std::size_t c = h * d; c < (h + 1) * d; ++c)
            y[t][c] += std::exp(s[u]) / sum * v[u][c];
        }
      }
    }
    return y;
  }

  void add(Matrix& x, const Matrix& y) const {
    for (std::size_t t = 0; t < x.size(); ++t) {
      for (std::size_t c = 0; c < x[t].size(); ++c) x[t][c] += y[t][c];
    }
  }

  void layer(Matrix& x, const std::string& prefix, Matrix& scores) const {
    const Matrix context = attend(x, prefix + "attention.self.", scores);
    add(x, linear(context, prefix + "attention.output.dense"));
    norm(x, prefix + "attention.output.LayerNorm");
    Matrix inner = linear(x, prefix + "intermediate.dense");
    for (auto& values : inner) {
      for (double& value : values) value = activate(value);
    }
    add(x, linear(inner, prefix + "output.dense"));
    norm(x, prefix + "output.LayerNorm");
  }

  const ModelConfig& config_;
  const ParameterStore& store_;
  bool causal_;
};

}  // namespace bertyard::testing
