// SPDX-License-Identifier: Apache-2.0
#include "data/samples/shard_parameters.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "data/files/json_integer.h"

namespace bertyard {
namespace {

using Json = nlohmann::json;

template <typename Enum>
struct Named {
  Enum value;
  const char* name;
};
constexpr std::array kParts{Named<CorpusPart>{CorpusPart::train, "train"},
                            Named<CorpusPart>{CorpusPart::valid, "valid"}};
constexpr std::array kMaskTimes{Named<MaskTime>{MaskTime::training, "training"},
                                Named<MaskTime>{MaskTime::prepare, "prepare"}};
constexpr std::array kMaskUnits{Named<MaskUnit>{MaskUnit::token, "token"},
                                Named<MaskUnit>{MaskUnit::word, "word"},
                                Named<MaskUnit>{MaskUnit::span, "span"}};
constexpr std::array kSamplings{Named<Sampling>{Sampling::bertyard, "bertyard"},
                                Named<Sampling>{Sampling::google, "google"},
                                Named<Sampling>{Sampling::nvidia, "nvidia"}};
constexpr std::array kNextSentences{Named<NextSentence>{NextSentence::nsp, "nsp"},
                                    Named<NextSentence>{NextSentence::sop, "sop"},
                                    Named<NextSentence>{NextSentence::none, "none"}};

template <typename Table, typename Enum>
const char* name_in(const Table& table, Enum value) {
  return std::find_if(table.begin(), table.end(),
                      [&](const auto& row) { return row.value == value; })
      ->name;
}

template <typename Table>
auto value_in(const Table& table, const Json& json, const char* key) {
  const auto& name = json.at(key).get_ref<const std::string&>();
  for (const auto& row : table) {
    if (name == row.name) return row.value;
  }
  throw DataError(fmt::format("'{}' is '{}', which this version does not know", key, name));
}

Json tokenizer_json(const TokenizerOptions& options) {
  Json json{{"lower_case", options.lower_case},
            {"split_cjk", options.split_cjk},
            {"max_word_characters", options.max_word_characters}};
  json["strip_accents"] = options.strip_accents ? Json(*options.strip_accents) : Json(nullptr);
  return json;
}

TokenizerOptions parse_tokenizer(const Json& json) {
  TokenizerOptions options;
  json.at("lower_case").get_to(options.lower_case);
  json.at("split_cjk").get_to(options.split_cjk);
  options.max_word_characters = read_integer<int>(json, "max_word_characters");
  if (const Json& strip = json.at("strip_accents"); !strip.is_null()) {
    options.strip_accents = strip.get<bool>();
  }
  return options;
}

Json mask_json(const MaskOptions& mask) {
  return {{"when", name_in(kMaskTimes, mask.when)},
          {"unit", name_in(kMaskUnits, mask.unit)},
          {"rate", mask.rate},
          {"replace", mask.replace},
          {"random", mask.random},
          {"keep", mask.keep},
          {"max_predictions", mask.max_predictions},
          {"span_p", mask.span_p},
          {"span_max", mask.span_max}};
}

MaskOptions parse_mask(const Json& json) {
  MaskOptions mask;
  mask.when = value_in(kMaskTimes, json, "when");
  mask.unit = value_in(kMaskUnits, json, "unit");
  json.at("rate").get_to(mask.rate);
  json.at("replace").get_to(mask.replace);
  json.at("random").get_to(mask.random);
  json.at("keep").get_to(mask.keep);
  for (const double share : {mask.rate, mask.replace, mask.random, mask.keep}) {
    if (share >= 0 && share <= 1) continue;
    throw DataError(fmt::format("a share of the masks is {}, expected 0 to 1", share));
  }
  mask.max_predictions = read_integer<int>(json, "max_predictions");
  // Shards from before there were spans do not have these.
  mask.span_p = json.value("span_p", mask.span_p);
  if (json.contains("span_max")) mask.span_max = read_integer<int>(json, "span_max");
  return mask;
}

ShardParameters parse(const Json& json) {
  ShardParameters parameters;
  parameters.part = value_in(kParts, json, "part");
  parameters.seed = read_integer<std::uint64_t>(json, "seed");
  parameters.source_hash = parse_hash(json.at("source_hash").get_ref<const std::string&>());
  parameters.vocabulary_hash = parse_hash(json.at("vocabulary_hash").get_ref<const std::string&>());
  parameters.vocabulary_size = read_integer<std::uint32_t>(json, "vocabulary_size");
  parameters.tokenizer = parse_tokenizer(json.at("tokenizer"));
  // Shards from before there was a choice do not have it.
  if (json.contains("sampling")) parameters.sampling = value_in(kSamplings, json, "sampling");
  parameters.max_length = read_integer<int>(json, "max_length");
  json.at("short_sequence").get_to(parameters.short_sequence);
  parameters.next_sentence = value_in(kNextSentences, json, "next_sentence");
  parameters.duplicate = read_integer<int>(json, "duplicate");
  parameters.mask = parse_mask(json.at("mask"));
  parameters.shard_bytes = read_integer<std::uint64_t>(json, "shard_bytes");
  parameters.converted_from = json.value("converted_from", std::string());
  return parameters;
}

}  // namespace

std::string_view name_of(NextSentence next_sentence) {
  return name_in(kNextSentences, next_sentence);
}

std::string to_json(const ShardParameters& parameters) {
  return Json{{"part", name_in(kParts, parameters.part)},
              {"seed", parameters.seed},
              {"source_hash", hash_text(parameters.source_hash)},
              {"vocabulary_hash", hash_text(parameters.vocabulary_hash)},
              {"vocabulary_size", parameters.vocabulary_size},
              {"tokenizer", tokenizer_json(parameters.tokenizer)},
              {"sampling", name_in(kSamplings, parameters.sampling)},
              {"max_length", parameters.max_length},
              {"short_sequence", parameters.short_sequence},
              {"next_sentence", name_in(kNextSentences, parameters.next_sentence)},
              {"duplicate", parameters.duplicate},
              {"mask", mask_json(parameters.mask)},
              {"shard_bytes", parameters.shard_bytes},
              {"converted_from", parameters.converted_from}}
      .dump();
}

ShardParameters parse_shard_parameters(std::string_view json, std::string_view origin) {
  try {
    return parse(Json::parse(json));
  } catch (const Json::exception& error) {
    throw DataError(fmt::format("{}: the parameters are damaged: {}", origin, error.what()));
  } catch (const DataError& error) {
    throw DataError(fmt::format("{}: {}", origin, error.what()));
  }
}

}  // namespace bertyard
