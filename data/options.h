// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
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
  std::string document_start;   // ECMAScript regular expression; wrapped text only
  std::int64_t skip_lines = 0;  // at the head of every file
  std::string field = "text";   // of the object that holds the document; jsonl only
  std::string language = "en";  // rules for splitting sentences: en, zh or the path of a file
  double held_out = 0.01;       // fraction of documents, by hash of the document's text
  bool operator==(const CorpusOptions&) const = default;
};

struct TokenizerOptions {
  bool lower_case = true;
  std::optional<bool> strip_accents;  // absent: as lower_case
  bool split_cjk = true;
  int max_word_characters = 200;  // longer words become [UNK]; Google 200, Hugging Face 100
  bool operator==(const TokenizerOptions&) const = default;
};

struct VocabularyLearningOptions {
  std::int64_t size = 30522;
  std::int64_t min_frequency = 2;
  bool operator==(const VocabularyLearningOptions&) const = default;
};

enum class MaskTime { training, prepare };  // new masks every epoch, or fixed in the shard
// What is masked together: tokens, whole words, or runs of words of geometric length.
enum class MaskUnit { token, word, span };

struct MaskOptions {
  MaskTime when = MaskTime::training;
  MaskUnit unit = MaskUnit::token;
  double rate = 0.15;
  double replace = 0.8;  // [MASK]
  double random = 0.1;   // any entry of the vocabulary
  double keep = 0.1;
  int max_predictions = 77;
  double span_p = 0.2;  // lengths in words: k with probability in proportion to p (1 - p)^(k - 1),
  int span_max = 10;    // up to this
  bool operator==(const MaskOptions&) const = default;
};

enum class NextSentence {
  nsp,   // B follows A, or was drawn from another document: BERT
  sop,   // B follows A, or A follows B: ALBERT's sentence order
  none,  // one segment of whole sentences: RoBERTa
};
inline constexpr bool has_sentence_pairs(NextSentence next_sentence) {
  return next_sentence != NextSentence::none;
}
// "nsp", "sop", "none": in files and for people.
std::string_view name_of(NextSentence next_sentence);

// Whose rules and draws make samples.
enum class Sampling {
  bertyard,  // our own: Philox draws keyed by the place in the text, B always from another document
  google,    // google-research/bert's create_pretraining_data.py, draw for draw
  nvidia,    // DeepLearningExamples' copy of it: another label where no other document was drawn
};

struct SampleOptions {
  std::string out;  // directory that gets train/ and valid/
  Sampling sampling = Sampling::bertyard;
  int max_length = 512;  // with [CLS] and both [SEP]
  double short_sequence = 0.1;
  NextSentence next_sentence = NextSentence::nsp;
  int duplicate = 1;
  MaskOptions mask;
  std::uint64_t shard_bytes = 256ull << 20;
  std::uint64_t memory_bytes = 2048ull << 20;  // of one process while it prepares, about
  bool operator==(const SampleOptions&) const = default;
};

}  // namespace bertyard
