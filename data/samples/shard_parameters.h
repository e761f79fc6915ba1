// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "data/options.h"

namespace bertyard {

inline constexpr int kShardFormatVersion = 1;

enum class CorpusPart { train, valid };

// What a set of shards was made with. Equal parameters and an equal source give equal shards.
struct ShardParameters {
  CorpusPart part = CorpusPart::train;
  std::uint64_t seed = 0;
  std::uint64_t source_hash = 0;  // of the text files and how they are read
  std::uint64_t vocabulary_hash = 0;
  std::uint32_t vocabulary_size = 0;
  TokenizerOptions tokenizer;
  Sampling sampling = Sampling::bertyard;
  int max_length = 0;
  double short_sequence = 0;
  NextSentence next_sentence = NextSentence::nsp;
  int duplicate = 1;
  MaskOptions mask;  // mask.when: prepare means that the shards hold masks
  std::uint64_t shard_bytes = 0;
  std::string converted_from;  // another program's layout; empty: made by prepare
  bool operator==(const ShardParameters&) const = default;
};

// As a JSON object: an attribute of every shard and a part of the manifest.
std::string to_json(const ShardParameters& parameters);
// The inverse; DataError, which names `origin`, when something is missing or of another kind.
ShardParameters parse_shard_parameters(std::string_view json, std::string_view origin);

}  // namespace bertyard
