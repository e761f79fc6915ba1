// SPDX-License-Identifier: Apache-2.0
#include "data/prepare/convert_samples.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "data/files/directories.h"
#include "data/prepare/part_writer.h"
#include "data/samples/joined_samples.h"
#include "data/shards/hdf5_shard_writer.h"
#include "data/shards/open_samples.h"

namespace bertyard {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> files_behind(const fs::path& source) {
  if (!fs::exists(source)) {
    throw DataError(fmt::format("{}: does not exist; name shards or HDF5 files", source.string()));
  }
  return fs::is_directory(source) ? hdf5_files_in(source) : std::vector<fs::path>{source};
}

// What must be known before the first shard is written.
struct Extent {
  std::string layout;
  std::int64_t max_length = 0;
  std::int64_t max_masked = 1;
};

SampleExpectations expected_of(const ConvertOptions& options) {
  SampleExpectations expectations;
  expectations.vocabulary_size = options.vocabulary_size;
  return expectations;
}

Extent measure(const std::vector<fs::path>& files, const ConvertOptions& options) {
  Extent extent;
  for (const fs::path& file : files) {
    const auto source = open_samples(file, expected_of(options));
    const SourceProperties& properties = source->properties();
    extent.layout = properties.layout;
    extent.max_length = std::max(extent.max_length, properties.max_length);
    extent.max_masked = std::max(extent.max_masked, properties.max_masked);
  }
  return extent;
}

// In a shard a sample is two runs of segments without holes, its masks ascending.
void to_shard_form(const StoredSample& stored, const std::string& name, Sample& sample,
                   MaskedTokens& masked) {
  const auto fail = [&](const char* what) {
    throw DataError(
        fmt::format("{}: {}; it can be evaluated from this file, but not be converted for training",
                    name, what));
  };
  if (!stored.key_mask.empty()) fail("its input_mask has holes");
  const auto b = std::find_if(stored.segments.begin(), stored.segments.end(),
                              [](std::uint8_t segment) { return segment != 0; });
  if (!std::all_of(b, stored.segments.end(), [](std::uint8_t segment) { return segment == 1; })) {
    fail("its segment_ids are not zeros and then ones");
  }
  sample.tokens = stored.tokens;
  sample.a_length = static_cast<std::uint32_t>(b - stored.segments.begin());
  sample.is_random_next = stored.is_random_next;
  if (sample.a_length < 2) fail("its first segment has fewer than two tokens");
  std::vector<std::size_t> order(stored.mask_positions.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t x, std::size_t y) {
    return stored.mask_positions[x] < stored.mask_positions[y];
  });
  masked.positions.clear();
  masked.labels.clear();
  for (const std::size_t i : order) {
    const std::uint32_t position = stored.mask_positions[i];
    if (!masked.positions.empty() && masked.positions.back() == position) {
      fail("a position is masked twice");
    }
    masked.positions.push_back(position);
    masked.labels.push_back(stored.mask_labels[i]);
  }
}

// Writes shards into a directory and keeps the manifest's numbers.
class Conversion {
 public:
  Conversion(fs::path directory, Manifest& manifest)
      : directory_(std::move(directory)),
        manifest_(manifest),
        unigram_(manifest.parameters.vocabulary_size, 0),
        writer_(std::make_unique<ShardWriter>(manifest.parameters)) {}

  void add(const SampleSource& source) {
    StoredSample stored;
    for (std::uint64_t i = 0; i < source.size(); ++i) {
      source.read(i, stored);
      to_shard_form(stored, fmt::format("{}: sample {}", source.properties().path, i), sample_,
                    masked_);
      count();
      writer_->add(sample_, masked_);
      if (writer_->bytes() >= manifest_.parameters.shard_bytes) flush();
    }
  }

  void finish() {
    if (writer_->samples() > 0) flush();
    manifest_.unigram = write_unigram(directory_, unigram_);
    write_manifest(directory_, manifest_);
  }

 private:
  // Which ids are [CLS] and [SEP] the file does not say, but where they stand is known.
  void count() {
    ShardCounts& counts = manifest_.counts;
    ++counts.samples;
    counts.sample_tokens += sample_.tokens.size();
    counts.masked_tokens += masked_.positions.size();
    counts.random_next += sample_.is_random_next ? 1 : 0;
    std::vector<std::uint32_t> text = sample_.tokens;
    for (std::size_t i = 0; i < masked_.positions.size(); ++i) {
      text[masked_.positions[i]] = masked_.labels[i];
    }
    for (std::size_t i = 1; i + 1 < text.size(); ++i) {
      if (i + 1 != sample_.a_length) ++unigram_[text[i]];
    }
  }

  void flush() {
    const std::string name = fmt::format("shard-{:05}.h5", manifest_.shards.size());
    manifest_.shards.push_back(writer_->write(directory_ / name));
    writer_ = std::make_unique<ShardWriter>(manifest_.parameters);
  }

  fs::path directory_;
  Manifest& manifest_;
  std::vector<std::uint64_t> unigram_;
  std::unique_ptr<ShardWriter> writer_;
  Sample sample_;
  MaskedTokens masked_;
};

ShardParameters parameters_of(const Extent& extent, std::uint64_t stamp,
                              const ConvertOptions& options) {
  ShardParameters parameters;
  parameters.source_hash = stamp;
  parameters.vocabulary_hash = options.vocabulary_hash;
  parameters.vocabulary_size = options.vocabulary_size;
  parameters.max_length = static_cast<int>(extent.max_length);
  parameters.mask.when = MaskTime::prepare;
  parameters.mask.rate = 1;  // not known; max_predictions bounds the masks
  parameters.mask.max_predictions = static_cast<int>(extent.max_masked);
  parameters.shard_bytes = options.shard_bytes;
  parameters.converted_from = extent.layout;
  return parameters;
}

// "NAME.tmp-HOST-": what a conversion into NAME is called until it is complete, with its process.
std::string temporary_prefix(const fs::path& out) {
  std::array<char, 256> host{};
  ::gethostname(host.data(), host.size() - 1);
  return fmt::format("{}.tmp-{}-", out.filename().string(), host.data());
}

// What killed conversions into the same place have left on this host.
void remove_leftovers_of_the_dead(const fs::path& out) {
  const std::string prefix = temporary_prefix(out);
  const fs::path parent = out.has_parent_path() ? out.parent_path() : fs::path(".");
  std::vector<fs::path> dead;
  for (const auto& entry : fs::directory_iterator(parent)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(prefix)) continue;
    int process = 0;
    const char* end = name.data() + name.size();
    // Behind "gpu-" of another host, gpu-7, stands more than a number.
    const auto [at, error] = std::from_chars(name.data() + prefix.size(), end, process);
    if (error != std::errc() || at != end) continue;
    if (process > 0 && ::kill(process, 0) != 0 && errno == ESRCH) dead.push_back(entry.path());
  }
  for (const fs::path& path : dead) fs::remove_all(path);
}

Manifest convert(const fs::path& source, const fs::path& out, const ConvertOptions& options) {
  const std::uint64_t stamp = source_stamp(source);
  const std::vector<fs::path> files = files_behind(source);
  const Extent extent = measure(files, options);
  check_replaceable(out);
  remove_leftovers_of_the_dead(out);
  const fs::path temporary =
      out.parent_path() / fmt::format("{}{}", temporary_prefix(out), ::getpid());
  fs::remove_all(temporary);
  fs::create_directories(temporary);
  try {
    Manifest manifest{parameters_of(extent, stamp, options), {}, {}, std::nullopt};
    Conversion conversion(temporary, manifest);
    for (const fs::path& file : files) conversion.add(*open_samples(file, expected_of(options)));
    conversion.finish();
    sync_directory(temporary);
    fs::remove_all(out);
    fs::rename(temporary, out);
    return manifest;
  } catch (...) {
    std::error_code ignored;
    fs::remove_all(temporary, ignored);
    throw;
  }
}

}  // namespace

std::uint64_t source_stamp(const fs::path& path) {
  StreamingHash hash;
  for (const fs::path& file : files_behind(path)) {
    struct stat status {};
    if (::stat(file.c_str(), &status) != 0) {
      throw DataError(fmt::format("{}: cannot be looked at", file.string()));
    }
    hash.update(fmt::format("{} {} {}.{};", file.filename().string(), status.st_size,
                            status.st_mtim.tv_sec, status.st_mtim.tv_nsec));
  }
  return hash.digest();
}

Manifest convert_to_shards(const fs::path& source, const fs::path& out,
                           const ConvertOptions& options) {
  try {
    return convert(source, out.has_filename() ? out : out.parent_path(), options);
  } catch (const fs::filesystem_error& error) {
    throw IoError(fmt::format("convert: {}", error.what()));
  }
}

std::optional<Manifest> finished_conversion(const fs::path& source, const fs::path& out,
                                            const ConvertOptions& options) {
  if (!fs::exists(out / kManifestName)) return std::nullopt;
  try {
    Manifest manifest = read_manifest(out);
    const ShardParameters& made = manifest.parameters;
    const bool same = made.source_hash == source_stamp(source) && !made.converted_from.empty() &&
                      made.vocabulary_hash == options.vocabulary_hash &&
                      made.vocabulary_size == options.vocabulary_size;
    if (same && finished_part(out, made)) return manifest;
  } catch (const DataError&) {
    return std::nullopt;  // damaged: it will be made
  }
  return std::nullopt;
}

}  // namespace bertyard
