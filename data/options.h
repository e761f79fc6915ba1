// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace bertyard {

// How documents and sentences stand in the text files.
enum class TextLayout {
  sentences,   // one sentence a line, a blank line between documents
  paragraphs,  // one paragraph a line, a blank line between documents; sentences are split
  wrapped,     // hard-wrapped lines, a blank line between paragraphs, documents start at a pattern
  jsonl,       // one JSON object a line, a document in one of its fields, paragraphs a line there
  wikiextractor,  // <doc ...> ... </doc> around documents, one paragraph a line
};

struct CorpusOptions {
  std::vector<std::string> text;  // files (plain, .gz, .zst), directories, globs, "-" for stdin
  TextLayout layout = TextLayout::sentences;
  std::string document_start;     // ECMAScript regular expression; wrapped text only
  std::int64_t skip_lines = 0;    // at the head of every file
  std::string field = "text";     // of the object that holds the document; jsonl only
  std::string language = "en";    // rules for splitting sentences: en, zh or the path of a file
  double held_out = 0.01;         // fraction of documents, by hash of the document's text
  bool operator==(const CorpusOptions&) const = default;
};

struct TokenizerOptions {
  bool lower_case = true;
  std::optional<bool> strip_accents;  // absent: as lower_case
  bool split_cjk = true;
  int max_word_characters = 200;      // longer words become [UNK]; Google 200, Hugging Face 100
  bool operator==(const TokenizerOptions&) const = default;
};

struct VocabularyLearningOptions {
  std::int64_t size = 30522;
  std::int64_t min_frequency = 2;
  bool operator==(const VocabularyLearningOptions&) const = default;
};

enum class MaskTime { training, prepare };  // new masks every epoch, or fixed in the shard
enum class MaskUnit { token, word };

struct MaskOptions {
  MaskTime when = MaskTime::training;
  MaskUnit unit = MaskUnit::token;
  double rate = 0.15;
  double replace = 0.8;  // [MASK]
  double random = 0.1;   // any entry of the vocabulary
  double keep = 0.1;
  int max_predictions = 77;
  bool operator==(const MaskOptions&) const = default;
};

enum class NextSentence { nsp, none };

struct SampleOptions {
  std::string out;        // directory that gets train/ and valid/
  int max_length = 512;   // with [CLS] and both [SEP]
  double short_sequence = 0.1;
  NextSentence next_sentence = NextSentence::nsp;
  int duplicate = 1;
  MaskOptions mask;
  std::uint64_t shard_bytes = 256ull << 20;
  std::uint64_t memory_bytes = 2048ull << 20;  // of one process while it prepares, about
  bool operator==(const SampleOptions&) const = default;
};

}  // namespace bertyard
