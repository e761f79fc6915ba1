// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "data/masking.h"
#include "data/prepare.h"
#include "data/sample_source.h"
#include "data/vocabulary.h"
#include "launch/inspect_parts.h"
#include "train/console.h"

namespace bertyard {
namespace {

namespace fs = std::filesystem;

// Lengths in eight equal parts of the longest.
void print_lengths(const SampleSource& source) {
  constexpr std::size_t kParts = 8;
  const std::int64_t longest = std::max<std::int64_t>(1, source.properties().max_length);
  std::array<std::uint64_t, kParts> counts{};
  for (std::uint64_t i = 0; i < source.size(); ++i) {
    const std::int64_t length = source.shape(i).length;
    const auto part = static_cast<std::size_t>((length - 1) * std::int64_t{kParts} / longest);
    ++counts[std::min(part, kParts - 1)];
  }
  for (std::size_t part = 0; part < kParts; ++part) {
    const double share = static_cast<double>(counts[part]) /
                         static_cast<double>(std::max<std::uint64_t>(1, source.size()));
    fmt::print("  to {:>4} tokens {:5.1f}% {}\n",
               static_cast<std::int64_t>(part + 1) * longest / std::int64_t{kParts}, 100 * share,
               std::string(static_cast<std::size_t>(40 * share + 0.5), '#'));
  }
}

// Over at most 10,000 samples from the start.
void print_labels(const SampleSource& source) {
  const std::uint64_t looked_at = std::min<std::uint64_t>(source.size(), 10000);
  StoredSample sample;
  std::uint64_t random_next = 0, tokens = 0, masked = 0;
  for (std::uint64_t i = 0; i < looked_at; ++i) {
    source.read(i, sample);
    random_next += sample.is_random_next ? 1 : 0;
    tokens += sample.tokens.size();
    masked += sample.mask_positions.size();
  }
  const auto percent = [](std::uint64_t part, std::uint64_t whole) {
    return 100.0 * static_cast<double>(part) /
           static_cast<double>(std::max<std::uint64_t>(1, whole));
  };
  if (source.properties().next_sentence == NextSentence::nsp) {
    fmt::print("random next {:.1f}%\n", percent(random_next, looked_at));
  }
  if (source.properties().masks == MaskTime::prepare) {
    fmt::print("masks       stored, {:.1f}% of the tokens\n", percent(masked, tokens));
  } else {
    fmt::print("masks       drawn anew in every epoch\n");
  }
}

fs::path vocabulary_path(const InspectOptions& options) {
  if (!options.vocab.empty()) return options.vocab;
  fs::path directory(options.path);
  if (!fs::is_directory(directory)) directory = directory.parent_path();
  return directory / "vocab.txt";
}

void show(const InspectOptions& options, const SampleSource& source) {
  const fs::path path = vocabulary_path(options);
  if (!fs::exists(path)) {
    throw UsageError(fmt::format("{}: decoding samples needs the vocabulary; name it with --vocab",
                                 path.string()));
  }
  const Vocabulary vocabulary = Vocabulary::load(path);
  const auto& hash = source.properties().vocabulary_hash;
  if (hash && *hash != vocabulary.hash()) {
    throw DataError(fmt::format("{}: its hash is {}, the samples were made with {}", path.string(),
                                hash_text(vocabulary.hash()), hash_text(*hash)));
  }
  std::optional<Masker> masker;
  if (source.properties().masks == MaskTime::training) {
    masker.emplace(MaskOptions{}, mask_vocabulary(vocabulary));
  }
  fmt::print("\n{}",
             show_samples(source, vocabulary, masker ? &*masker : nullptr, 0, options.samples));
}

}  // namespace

void inspect_samples(const InspectOptions& options) {
  SampleExpectations anything;
  anything.segments = 65536;
  const auto source = open_samples(options.path, anything);
  const SourceProperties& properties = source->properties();
  fmt::print("samples     {} ({})\n", properties.path, properties.layout);
  fmt::print("count       {}, {} tokens, longest {}\n",
             grouped(static_cast<std::int64_t>(properties.samples)),
             grouped(static_cast<std::int64_t>(properties.tokens)), properties.max_length);
  if (properties.vocabulary_hash) {
    fmt::print("vocabulary  {} entries, hash {}\n", properties.vocabulary_size,
               hash_text(*properties.vocabulary_hash));
  }
  print_labels(*source);
  fmt::print("lengths\n");
  print_lengths(*source);
  for (const std::string& warning : properties.warnings) fmt::print("warning     {}\n", warning);
  if (options.samples > 0) show(options, *source);
}

void inspect_vocabulary(const InspectOptions& options) {
  const Vocabulary vocabulary = Vocabulary::load(options.path);
  const auto continues = std::ranges::count_if(
      vocabulary.tokens(), [](const std::string& token) { return token.starts_with("##"); });
  const SpecialTokens& special = vocabulary.special();
  fmt::print("vocabulary  {}: {} entries, {} of them begin with ##, hash {}\n", options.path,
             grouped(static_cast<std::int64_t>(vocabulary.size())), grouped(continues),
             hash_text(vocabulary.hash()));
  fmt::print("special     [PAD] {}, [UNK] {}, [CLS] {}, [SEP] {}, [MASK] {}\n", special.pad,
             special.unknown, special.cls, special.sep, special.mask);
}

}  // namespace bertyard
