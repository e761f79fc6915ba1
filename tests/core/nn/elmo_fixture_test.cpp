// SPDX-License-Identifier: Apache-2.0
// allenai/bilm-tf's test model: its characters' network in float64 here, ElmoLayers above it,
// beside the outputs of its top layer. It has gates, projections and their limits; nothing goes
// past its layers, and there is no dropout.
#include <cmath>
#include <fstream>
#include <memory>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/nn/elmo_layers.h"
#include "core/nn/workspace.h"
#include "tests/core/backend/host_tensors.h"
#include "tests/support/hdf5_floats.h"
#include "tests/support/test_data.h"

namespace bertyard::testing {
namespace {

constexpr std::size_t kOutputs = 16, kCells = 64, kCharacters = 50, kCharacterSize = 4;

double sigmoid(double x) {
  return 1 / (1 + std::exp(-x));
}

// x W + b, W [x.size(), b.size()]
Values affine(const Values& x, const FloatArray& w, const FloatArray& b) {
  Values y(b.values.begin(), b.values.end());
  for (std::size_t i = 0; i < x.size(); ++i) {
    for (std::size_t o = 0; o < y.size(); ++o) y[o] += x[i] * w.values[i * y.size() + o];
  }
  return y;
}

// A word's vector from its bytes: convolutions, highways, projection (Kim et al. 2016).
class CharacterNetwork {
 public:
  explicit CharacterNetwork(const FloatFile& file) : file_(file), table_(file.read("char_embed")) {}

  Values vector(const std::vector<int>& bytes) const {
    std::vector<int> ids{258};  // begin of word; 259 ends it, 260 pads
    ids.insert(ids.end(), bytes.begin(), bytes.end());
    ids.push_back(259);
    ids.resize(kCharacters, 260);
    Values x;
    for (int i = 0; i < 5; ++i) convolve(ids, i, x);
    for (int i = 0; i < 2; ++i) {
      const std::string name = "CNN_high_" + std::to_string(i) + "/";
      const Values carry = affine(x, file_.read(name + "W_carry"), file_.read(name + "b_carry"));
      const Values fresh =
          affine(x, file_.read(name + "W_transform"), file_.read(name + "b_transform"));
      for (std::size_t c = 0; c < x.size(); ++c) {
        const double share = sigmoid(carry[c]);
        x[c] = share * std::max(fresh[c], 0.0) + (1 - share) * x[c];
      }
    }
    return affine(x, file_.read("CNN_proj/W_proj"), file_.read("CNN_proj/b_proj"));
  }

 private:
  // Appends the greatest response of every filter of width index + 1.
  void convolve(const std::vector<int>& ids, int index, Values& out) const {
    const FloatArray w = file_.read("CNN/W_cnn_" + std::to_string(index));
    const FloatArray b = file_.read("CNN/b_cnn_" + std::to_string(index));
    const std::size_t width = static_cast<std::size_t>(index) + 1, filters = b.values.size();
    for (std::size_t f = 0; f < filters; ++f) {
      double greatest = 0;  // relu
      for (std::size_t t = 0; t + width <= kCharacters; ++t) {
        double sum = b.values[f];
        for (std::size_t k = 0; k < width * kCharacterSize; ++k) {
          const auto id = static_cast<std::size_t>(ids[t + k / kCharacterSize]);
          sum +=
              table_.values[id * kCharacterSize + k % kCharacterSize] * w.values[k * filters + f];
        }
        greatest = std::max(greatest, sum);
      }
      out.push_back(greatest);
    }
  }

  const FloatFile& file_;
  FloatArray table_;
};

// TensorFlow's blocks i, j, f, o as i, f, g, o, with its forget bias of 1.
void load_lstm(ParameterStore& store, const FloatFile& file, int direction, int layer) {
  const std::string cell = "RNN_" + std::to_string(direction) + "/RNN/MultiRNNCell/Cell" +
                           std::to_string(layer) + "/LSTMCell/";
  const FloatArray kernel = file.read(cell + "W_0"), b = file.read(cell + "B"),
                   p = file.read(cell + "W_P_0");
  const std::string prefix =
      (direction == 0 ? "elmo.forward.layer." : "elmo.backward.layer.") + std::to_string(layer);
  const auto values = [&](const char* name) {
    return store.value(store.find(prefix + name).value()).span<float>();
  };
  constexpr std::size_t kBlock[4] = {0, 2, 1, 3};
  for (std::size_t row = 0; row < 4 * kCells; ++row) {
    const std::size_t gate = row / kCells, column = kBlock[gate] * kCells + row % kCells;
    values(".bias")[row] = b.values[column] + (gate == 1 ? 1.0f : 0.0f);
    for (std::size_t o = 0; o < kOutputs; ++o) {
      values(".weight_ih")[row * kOutputs + o] = kernel.values[o * 4 * kCells + column];
      values(".weight_hh")[row * kOutputs + o] =
          kernel.values[(kOutputs + o) * 4 * kCells + column];
    }
  }
  for (std::size_t i = 0; i < p.values.size(); ++i) {
    values(".weight_hr")[i % kOutputs * kCells + i / kOutputs] = p.values[i];
  }
}

std::vector<std::vector<int>> words_of(const std::string& sentence) {
  std::vector<std::vector<int>> words{{256}, {}};  // begin of sentence
  for (const char c : sentence) {
    if (c == ' ') {
      words.emplace_back();
    } else {
      words.back().push_back(static_cast<unsigned char>(c));
    }
  }
  words.push_back({257});
  return words;
}

// Sequences of at most 128 words, whose vectors are the rows of the word table.
class FixtureModel {
 public:
  explicit FixtureModel(const FloatFile& file) : layers_(config(), store_, ElmoUse::features) {
    values_.resize(static_cast<std::size_t>(store_.flat_elements()));
    store_.bind(view_of(std::span(values_)), {});
    for (const int direction : {0, 1}) {
      for (const int layer : {0, 1}) load_lstm(store_, file, direction, layer);
    }
    const Capacities capacities{128, 1, 1, 128};
    ArenaPlan plan;
    layers_.plan(plan, capacities, Mode::evaluation);
    arena_ = Arena(device_->allocate(plan.bytes()));
    device_->recurrent_ops().reserve(recurrent_limits(config(), capacities));
  }

  // What the second LSTMs put out, forward | backward: our layers add what went past them, which
  // this model does not have.   [T, 2 kOutputs]
  std::vector<float> top(const std::vector<Values>& words) {
    const auto table = store_.value(layers_.words()).span<float>();
    std::vector<std::int32_t> ids, offsets{0, static_cast<std::int32_t>(words.size())};
    for (std::size_t t = 0; t < words.size(); ++t) {
      std::copy(words[t].begin(), words[t].end(), table.begin() + t * kOutputs);
      ids.push_back(static_cast<std::int32_t>(t));
    }
    PackedInput input;
    input.indices.token = view_of(std::span<const std::int32_t>(ids));
    input.packing.offsets = view_of(std::span<const std::int32_t>(offsets));
    layers_.forward({device_->layer_ops(), store_, input, Mode::evaluation, 0, &device_->loss_ops(),
                     &device_->recurrent_ops()},
                    arena_);
    const auto tokens = static_cast<std::int64_t>(words.size());
    const auto first = layers_.layer(arena_, 1, tokens).span<float>(),
               second = layers_.layer(arena_, 2, tokens).span<float>();
    std::vector<float> result;
    for (std::size_t i = 0; i < first.size(); ++i) result.push_back(second[i] - first[i]);
    return result;
  }

 private:
  static ModelConfig config() {
    ModelConfig config;
    config.type = ModelType::elmo;
    config.vocab_size = 128;
    config.layers = 2;
    config.hidden = kOutputs;
    config.intermediate = kCells;
    return config;
  }

  std::unique_ptr<Device> device_ = make_cpu_device({.threads = 2});
  ParameterStore store_;
  ElmoLayers layers_;
  std::vector<float> values_;
  Arena arena_;
};

TEST(ElmoFixture, TopLayerOfBothDirectionsMatches) {
  BERTYARD_REQUIRE_TEST_DATA("peers/elmo_fixture/model/lm_weights.hdf5");
  const auto directory = test_data() / "peers/elmo_fixture/model";
  const FloatFile file(directory / "lm_weights.hdf5");
  const auto sentences =
      nlohmann::json::parse(std::ifstream(directory / "lm_embeddings_sentences.json"));
  const CharacterNetwork characters(file);
  FixtureModel model(file);
  for (int batch = 0; batch < 3; ++batch) {
    // The first sentence alone: the model keeps its states from one sentence to the next.
    std::vector<Values> words;
    for (const auto& bytes : words_of(sentences[static_cast<std::size_t>(batch)][0])) {
      words.push_back(characters.vector(bytes));
    }
    const auto expected =
        FloatFile(directory / ("lm_embeddings_" + std::to_string(batch) + ".hdf5")).read("0");
    ASSERT_EQ(expected.shape, (std::vector<std::int64_t>{2, std::ssize(words) - 2, kOutputs}));

    const std::vector<float> found = model.top(words);

    const std::size_t half = expected.values.size() / 2;  // of a direction
    for (std::size_t i = 0; i < 2 * half; ++i) {
      const std::size_t direction = i / half, t = i % half / kOutputs + 1, o = i % kOutputs;
      // The difference of two layers has the rounding of both.
      ASSERT_NEAR(found[(2 * t + direction) * kOutputs + o], expected.values[i], 3e-6) << i;
    }
  }
}

}  // namespace
}  // namespace bertyard::testing
