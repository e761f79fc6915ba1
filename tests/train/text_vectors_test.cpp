// SPDX-License-Identifier: Apache-2.0
// Vectors of packed, sorted texts beside a float64 encoder that sees one text at a time.
#include "train/text_vectors.h"

#include <cmath>
#include <memory>
#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/nn/initialization.h"
#include "tests/support/reference_encoder.h"
#include "tests/train/expect_error.h"

namespace bertyard {
namespace {

using ::testing::HasSubstr;
using testing::message_of;
using testing::ReferenceEncoder;
using Tokens = TextVectors::Tokens;

ModelConfig small_config() {
  ModelConfig config;
  config.vocab_size = 41;
  config.layers = 3;
  config.hidden = 24;
  config.heads = 3;
  config.intermediate = 37;
  config.max_positions = 16;
  config.activation = Activation::gelu_erf;
  config.init_range = 0.3;
  return config;
}

const std::vector<Tokens>& texts() {
  static const std::vector<Tokens> texts{{1, 7, 2},
                                         {1, 9, 30, 5, 6, 17, 40, 2},
                                         {1, 2},
                                         {1, 30, 30, 8, 2},
                                         {1, 12, 13, 14, 15, 16, 2}};
  return texts;
}

class TextVectorsTest : public ::testing::Test {
 protected:
  // Capacities so small that the texts go through several micro-batches.
  std::vector<float> encode(const VectorOptions& options) {
    device_ = make_cpu_device({});
    vectors_.emplace(small_config(), options, Capacities{10, 3, 1, 16}, *device_);
    initialize(vectors_->parameters(), small_config(), 3);
    vectors_->weights_loaded();
    return vectors_->encode(texts());
  }
  ReferenceEncoder::States reference(const Tokens& text) {
    const ModelConfig config = small_config();
    return ReferenceEncoder(config, vectors_->parameters()).run(text);
  }

  std::unique_ptr<Device> device_;
  std::optional<TextVectors> vectors_;
};

TEST_F(TextVectorsTest, PoolsAnyLayersAsFloat64Does) {
  const std::vector<float> mean =
      encode({.pooling = Pooling::mean, .layers = {-1, 0, 2}, .normalize = Normalize::no});

  ASSERT_EQ(vectors_->width(), 72);
  ASSERT_EQ(mean.size(), 72 * texts().size());
  for (std::size_t i = 0; i < texts().size(); ++i) {
    const auto states = reference(texts()[i]);
    const std::size_t layers[] = {3, 0, 2};
    for (std::size_t c = 0; c < 72; ++c) {
      double expected = 0;
      for (const auto& token : states.hidden[layers[c / 24]]) {
        expected += token[c % 24] / static_cast<double>(texts()[i].size());
      }
      EXPECT_NEAR(mean[i * 72 + c], expected, 2e-6) << i << ' ' << c;  // f32 beside float64
    }
  }
}

TEST_F(TextVectorsTest, FirstTokenGreatestAndEveryToken) {
  const auto cls = encode({.pooling = Pooling::cls});
  const auto max = encode({.pooling = Pooling::max});
  const auto tokens = encode({.pooling = Pooling::tokens});

  std::size_t row = 0;
  for (std::size_t i = 0; i < texts().size(); ++i) {
    const auto last = reference(texts()[i]).hidden.back();
    for (std::size_t c = 0; c < 24; ++c) {
      double greatest = last[0][c];
      for (const auto& token : last) greatest = std::max(greatest, token[c]);
      EXPECT_NEAR(cls[i * 24 + c], last[0][c], 2e-6);
      EXPECT_NEAR(max[i * 24 + c], greatest, 2e-6);
      for (std::size_t t = 0; t < last.size(); ++t) {
        EXPECT_NEAR(tokens[(row + t) * 24 + c], last[t][c], 2e-6);
      }
    }
    row += last.size();
  }
  EXPECT_EQ(tokens.size(), row * 24);
}

TEST_F(TextVectorsTest, NormalizedVectorsKeepTheirDirection) {
  const auto plain = encode({});
  const auto normalized = encode({.normalize = Normalize::yes});

  for (std::size_t i = 0; i < texts().size(); ++i) {
    double squares = 0, product = 0, length = 0;
    for (std::size_t c = 0; c < 24; ++c) {
      const double a = normalized[i * 24 + c], b = plain[i * 24 + c];
      squares += a * a;
      product += a * b;
      length += b * b;
    }
    EXPECT_NEAR(squares, 1, 1e-6);
    EXPECT_NEAR(product, std::sqrt(length), 1e-5);
  }
}

TEST_F(TextVectorsTest, RefusesLayersThatAreNotThere) {
  const ModelConfig config = small_config();
  const auto refusal = [&](std::vector<std::int64_t> layers) {
    return message_of<UsageError>([&] { resolve_layers(layers, config); });
  };
  EXPECT_EQ(refusal({4}),
            "layers: there is no layer 4; the model has 0 (the embedding) to 3, or -4 to -1");
  EXPECT_THAT(refusal({-5}), HasSubstr("there is no layer -5"));
  EXPECT_THAT(refusal({3, -1}), HasSubstr("layer 3 is there twice"));
  EXPECT_THAT(refusal({}), HasSubstr("expected at least one, found none"));
  encode({});
  const std::vector<Tokens> long_text{Tokens(11, 5)};
  EXPECT_THAT(message_of<Error>([&] { vectors_->encode(long_text); }),
              HasSubstr("a text of 11 tokens exceeds the capacity 10"));
}

}  // namespace
}  // namespace bertyard
