// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "data/files/file_writer.h"
#include "data/tokenizer/vocabulary.h"
#include "launch/console/text_table.h"
#include "launch/inspect/inspect_parts.h"
#include "train/files/strict_json.h"

namespace bertyard {
namespace {

constexpr std::size_t kShownWords = 40;

// A line of train/bad_numbers.h's batch_json().
struct Sequence {
  std::int64_t step = 0;
  std::int64_t rank = 0;
  std::uint64_t sample = 0;
  std::vector<std::uint32_t> tokens;
  std::size_t masked = 0;
};

Sequence parse_sequence(const std::string& line, const std::string& where) {
  require_strict_json(line, where);
  try {
    const auto json = nlohmann::json::parse(line);
    Sequence sequence;
    json.at("step").get_to(sequence.step);
    json.at("rank").get_to(sequence.rank);
    json.at("sample").get_to(sequence.sample);
    json.at("tokens").get_to(sequence.tokens);
    sequence.masked = json.at("masked").size();
    return sequence;
  } catch (const nlohmann::json::exception& error) {
    throw DataError(fmt::format("{}: not a saved batch: {}", where, error.what()));
  }
}

std::vector<Sequence> read_sequences(const std::string& path) {
  const std::string text = read_file(path);
  std::vector<Sequence> sequences;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string where = fmt::format("{}:{}", path, sequences.size() + 1);
    sequences.push_back(parse_sequence(text.substr(begin, end - begin), where));
    begin = end + 1;
  }
  if (sequences.empty()) throw DataError(path + ": no sequence in it");
  return sequences;
}

std::string words(const Sequence& sequence, const std::optional<Vocabulary>& vocabulary) {
  std::string text;
  for (std::size_t i = 0; i < std::min(sequence.tokens.size(), kShownWords); ++i) {
    const std::uint32_t id = sequence.tokens[i];
    text += i == 0 ? "" : " ";
    text += vocabulary && id < vocabulary->size() ? vocabulary->token(id) : std::to_string(id);
  }
  return text + (sequence.tokens.size() > kShownWords ? " ..." : "");
}

}  // namespace

std::string inspect_batch(const InspectOptions& options) {
  const std::vector<Sequence> sequences = read_sequences(options.path);
  std::optional<Vocabulary> vocabulary;
  if (!options.vocab.empty()) vocabulary = Vocabulary::load(options.vocab);
  TextTable table({{"sample", Align::right},
                   {"tokens", Align::right},
                   {"masked", Align::right},
                   {vocabulary ? "text" : "ids (--vocab FILE decodes them)"}});
  for (const Sequence& sequence : sequences) {
    table.add({std::to_string(sequence.sample), std::to_string(sequence.tokens.size()),
               std::to_string(sequence.masked), words(sequence, vocabulary)});
  }
  return fmt::format("micro-batch of step {}, rank {}: {} sequences\n{}", sequences[0].step,
                     sequences[0].rank, sequences.size(), table.text());
}

}  // namespace bertyard
