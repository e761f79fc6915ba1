// SPDX-License-Identifier: Apache-2.0
#include "launch/verbs/verb_convert.h"

#include <filesystem>
#include <memory>
#include <optional>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/standard_error.h"
#include "data/files/directories.h"
#include "data/prepare/convert_samples.h"
#include "data/shards/hdf5_nvidia_writer.h"
#include "data/shards/open_samples.h"
#include "data/shards/shard_dataset.h"
#include "launch/run/find_vocabulary.h"
#include "train/journal/console.h"

namespace bertyard {
namespace {

namespace fs = std::filesystem;

constexpr int kMostSegments = 128;  // what i1 holds

Vocabulary need_vocabulary(const ConvertVerbOptions& options, const fs::path& samples,
                           const char* why) {
  auto vocabulary = find_vocabulary(options.vocab, samples, vocabulary_hash_of(samples));
  if (vocabulary) return std::move(*vocabulary);
  throw UsageError(
      fmt::format("{}: {}, and there is no vocab.txt beside it; name it: --vocab "
                  "vocab.txt",
                  samples.string(), why));
}

std::string prefix_of(const fs::path& to) {
  const fs::path name = to.has_filename() ? to.filename() : to.parent_path().filename();
  const bool plain = !name.empty() && name != "." && name != "..";
  return plain ? name.string() : "bertyard";
}

void to_nvidia(const ConvertVerbOptions& options, const fs::path& samples) {
  SampleExpectations anything;
  anything.segments = kMostSegments;
  const auto source = open_samples(samples, anything);
  const SourceProperties& properties = source->properties();
  const auto* shards = dynamic_cast<const ShardDataset*>(source.get());
  NvidiaWriteOptions write{.out = options.to, .prefix = prefix_of(options.to)};
  write.max_length = properties.max_length;
  write.max_predictions = properties.max_masked;
  write.samples_per_file = options.samples_per_file;
  std::optional<Masker> masker;
  if (shards != nullptr) {
    write.part = shards->parameters().part;
    write.seed = shards->parameters().seed;
  }
  if (properties.masks == MaskTime::training) {
    const MaskOptions& mask = shards->parameters().mask;
    masker.emplace(mask, mask_vocabulary(
                             need_vocabulary(options, samples, "its masks are drawn in training")));
    write.masker = &*masker;
    write.max_predictions = max_masked(properties.max_length, mask);
  }
  if (properties.next_sentence != NextSentence::nsp) {
    write_standard_error(
        fmt::format("note: {} has samples.next_sentence: {}; NVIDIA's layout has no place for "
                    "that, and a reader "
                    "will take its labels for NSP's: leave that loss out there\n",
                    samples.string(), name_of(properties.next_sentence)));
  }
  make_directories(options.to);
  const auto files = write_nvidia_files(*source, write);
  fmt::print("{}: {} samples of {} tokens and {} predictions -> {}{}\n", samples.string(),
             grouped(static_cast<std::int64_t>(source->size())), write.max_length,
             write.max_predictions, files.front().string(),
             files.size() > 1 ? fmt::format(" and {} more", files.size() - 1) : "");
}

void to_shards(const ConvertVerbOptions& options, const fs::path& samples, const fs::path& to) {
  if (!is_foreign_layout(samples)) {
    throw UsageError(
        fmt::format("{}: these are bertyard's shards already; use --format nvidia, or prepare",
                    samples.string()));
  }
  const Vocabulary vocabulary =
      need_vocabulary(options, samples, "shards name the vocabulary of their ids");
  if (to.has_parent_path()) make_directories(to.parent_path());
  const Manifest manifest =
      convert_to_shards(samples, to,
                        {.vocabulary_hash = vocabulary.hash(),
                         .vocabulary_size = static_cast<std::uint32_t>(vocabulary.size())});
  fmt::print("{}: {} samples of the {} -> {}\n", samples.string(),
             grouped(static_cast<std::int64_t>(manifest.counts.samples)),
             manifest.parameters.converted_from, to.string());
}

}  // namespace

int run_convert(const ConvertVerbOptions& options) {
  const fs::path samples = options.samples;
  if (!fs::exists(samples)) {
    throw DataError(fmt::format("{}: does not exist; name shards or HDF5 files", options.samples));
  }
  if (options.format == SampleFormat::bertyard) {
    to_shards(options, samples, options.to);
    return static_cast<int>(ExitCode::ok);
  }
  bool parts = false;
  for (const char* part : {"train", "valid"}) {
    if (!fs::exists(samples / part / kManifestName)) continue;
    parts = true;
    to_nvidia(options, samples / part);
  }
  if (!parts) to_nvidia(options, samples);
  return static_cast<int>(ExitCode::ok);
}

}  // namespace bertyard
