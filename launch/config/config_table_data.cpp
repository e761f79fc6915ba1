// SPDX-License-Identifier: Apache-2.0
#include "launch/config/config_field.h"

namespace bertyard {
namespace {

// The reader stores lengths and positions in 16 bits.
constexpr CountRange kLengths{8, 65535};

constexpr NamedValue<TextLayout> kLayouts[] = {{TextLayout::sentences, "sentences"},
                                               {TextLayout::paragraphs, "paragraphs"},
                                               {TextLayout::wrapped, "wrapped"},
                                               {TextLayout::jsonl, "jsonl"},
                                               {TextLayout::wikiextractor, "wikiextractor"}};
constexpr NamedValue<NextSentence> kNextSentence[] = {
    {NextSentence::nsp, "nsp"}, {NextSentence::sop, "sop"}, {NextSentence::none, "none"}};
constexpr NamedValue<Sampling> kSamplings[] = {
    {Sampling::bertyard, "bertyard"}, {Sampling::google, "google"}, {Sampling::nvidia, "nvidia"}};
constexpr NamedValue<MaskTime> kMaskTimes[] = {{MaskTime::training, "training"},
                                               {MaskTime::prepare, "prepare"}};
constexpr NamedValue<MaskUnit> kMaskUnits[] = {
    {MaskUnit::token, "token"}, {MaskUnit::word, "word"}, {MaskUnit::span, "span"}};

std::vector<ConfigField> run_and_corpus_fields() {
  const auto corpus = [](auto member) { return at(&RunConfig::corpus, member); };
  return {
      make_field({"run.name", "name of the run and of its directory"},
                 at(&RunConfig::run, &RunOptions::name), text_type()),
      make_field({"run.dir", "directory that holds the run directories"},
                 at(&RunConfig::run, &RunOptions::directory), path_type()),
      make_field({"run.seed", "of every random number", FieldRole::identity},
                 at(&RunConfig::run, &RunOptions::seed), count_type<std::uint64_t>({0})),
      make_field({"corpus.text",
                  "files (also .gz and .zst), globs, directories, - for standard "
                  "input"},
                 corpus(&CorpusOptions::text), text_list_type()),
      make_field({"corpus.layout",
                  "sentences: one a line; paragraphs: one a line, split into "
                  "sentences; both with a blank line between documents; wrapped: "
                  "hard-wrapped lines, a blank line between paragraphs; jsonl: an object a "
                  "line; wikiextractor: <doc ...> to </doc>, a paragraph a line"},
                 corpus(&CorpusOptions::layout), choice_type<TextLayout>(kLayouts, {})),
      make_field({"corpus.field", "of a JSONL object: the key of its text"},
                 corpus(&CorpusOptions::field), text_type()),
      make_field({"corpus.document_start",
                  "regular expression of the first line of a document, for wrapped text"},
                 corpus(&CorpusOptions::document_start), pattern_type()),
      make_field({"corpus.skip_lines", "lines to skip at the head of every file"},
                 corpus(&CorpusOptions::skip_lines), count_type<std::int64_t>({0})),
      make_field({"corpus.language", "whose rules split text into sentences; or a file of rules"},
                 corpus(&CorpusOptions::language), text_choice_or_path_type({"en", "zh"})),
      make_field({"corpus.held_out", "share of the documents kept for evaluation, by hash"},
                 corpus(&CorpusOptions::held_out), fraction_type()),
  };
}

std::vector<ConfigField> tokenizer_fields() {
  const auto option = [](auto member) {
    return at(&RunConfig::tokenizer, &TokenizerSection::options, member);
  };
  const auto learn = [](auto member) {
    return at(&RunConfig::tokenizer, &TokenizerSection::learn, member);
  };
  return {
      make_field(
          {"tokenizer.vocab",
           "vocab.txt: used if it exists, else written here: that of model.from, or a learnt one"},
          at(&RunConfig::tokenizer, &TokenizerSection::vocab), path_type()),
      make_field({"tokenizer.learn.size", "entries of a learnt vocabulary"},
                 learn(&VocabularyLearningOptions::size), count_type<std::int64_t>({100, 1 << 24})),
      make_field({"tokenizer.learn.min_frequency", "rarer pairs are not joined"},
                 learn(&VocabularyLearningOptions::min_frequency), count_type<std::int64_t>({1})),
      make_field({"tokenizer.lower_case", "lower-case the text", FieldRole::identity},
                 option(&TokenizerOptions::lower_case), boolean_type()),
      make_field({"tokenizer.strip_accents", "auto: as lower_case", FieldRole::identity},
                 option(&TokenizerOptions::strip_accents), automatic_boolean_type()),
      make_field({"tokenizer.split_cjk", "every CJK character is a word", FieldRole::identity},
                 option(&TokenizerOptions::split_cjk), boolean_type()),
      make_field({"tokenizer.max_word_characters",
                  "longer words become [UNK]; Google 200, "
                  "Hugging Face 100",
                  FieldRole::identity},
                 option(&TokenizerOptions::max_word_characters), count_type<int>({1, 10000})),
  };
}

std::vector<ConfigField> sample_fields() {
  const auto sample = [](auto member) { return at(&RunConfig::samples, member); };
  return {
      make_field({"samples.out", "directory that prepare writes train/ and valid/ to"},
                 sample(&SampleOptions::out), path_type()),
      make_field({"samples.sampling",
                  "rules of the sample builder; google: draw for draw what google-research/bert's "
                  "create_pretraining_data.py makes, nvidia: likewise DeepLearningExamples' copy; "
                  "both hold all samples in memory",
                  FieldRole::identity},
                 sample(&SampleOptions::sampling), choice_type<Sampling>(kSamplings, {})),
      make_field({"samples.max_length", "tokens of a sample, with [CLS] and both [SEP]",
                  FieldRole::identity},
                 sample(&SampleOptions::max_length), count_type<int>(kLengths)),
      make_field({"samples.short_sequence", "share of samples with a random shorter length",
                  FieldRole::identity},
                 sample(&SampleOptions::short_sequence), fraction_type()),
      make_field({"samples.next_sentence",
                  "nsp: pairs, half of them with a B of another document; sop: pairs of one "
                  "document, half of them swapped; none: whole sentences of one document up to the "
                  "length, one segment",
                  FieldRole::identity},
                 sample(&SampleOptions::next_sentence),
                 choice_type<NextSentence>(kNextSentence, {})),
      make_field({"samples.duplicate", "passes over the text; static masks want 5 to 10",
                  FieldRole::identity},
                 sample(&SampleOptions::duplicate), count_type<int>({1, 1000})),
  };
}

std::vector<ConfigField> mask_fields() {
  const auto mask = [](auto member) {
    return at(&RunConfig::samples, &SampleOptions::mask, member);
  };
  const FieldRole role = FieldRole::identity;
  return {
      make_field({"samples.mask.when",
                  "training: new masks every epoch; prepare: fixed in the "
                  "shard",
                  role},
                 mask(&MaskOptions::when), choice_type<MaskTime>(kMaskTimes, {})),
      make_field({"samples.mask.rate", "share of the tokens to predict", role},
                 mask(&MaskOptions::rate), fraction_type()),
      make_field(
          {"samples.mask.unit",
           "what is masked together; span: whole words in a row, their number geometric", role},
          mask(&MaskOptions::unit), choice_type<MaskUnit>(kMaskUnits, {})),
      make_field({"samples.mask.span.p", "of the geometric number of words; SpanBERT 0.2",
                  FieldRole::newer_identity},
                 mask(&MaskOptions::span_p), real_type({0, 1, true})),
      make_field({"samples.mask.span.max", "words of a span at most; SpanBERT 10",
                  FieldRole::newer_identity},
                 mask(&MaskOptions::span_max), count_type<int>({1, 1000})),
      make_field({"samples.mask.replace", "of the chosen tokens, those that become [MASK]", role},
                 mask(&MaskOptions::replace), fraction_type()),
      make_field({"samples.mask.random", "those that become a random token", role},
                 mask(&MaskOptions::random), fraction_type()),
      make_field({"samples.mask.keep", "those that stay", role}, mask(&MaskOptions::keep),
                 fraction_type()),
      make_field({"samples.mask.max_predictions", "chosen tokens of one sample at most", role},
                 mask(&MaskOptions::max_predictions), count_type<int>({1, 65535})),
      make_field({"samples.shard", "size of a shard file, about"},
                 at(&RunConfig::samples, &SampleOptions::shard_bytes), bytes_type()),
      make_field({"samples.memory", "that one process of prepare may take, about"},
                 at(&RunConfig::samples, &SampleOptions::memory_bytes), bytes_type()),
  };
}

}  // namespace

std::vector<ConfigField> data_fields() {
  std::vector<ConfigField> fields;
  for (auto part : {run_and_corpus_fields(), tokenizer_fields(), sample_fields(), mask_fields()}) {
    fields.insert(fields.end(), part.begin(), part.end());
  }
  return fields;
}

}  // namespace bertyard
