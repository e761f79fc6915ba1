// SPDX-License-Identifier: Apache-2.0
#include "data/shards/hdf5_nvidia_writer.h"

#include <algorithm>
#include <charconv>
#include <span>

#include <fmt/format.h>

#include "core/base/error.h"
#include "data/files/atomic_file.h"
#include "data/shards/hdf5_file.h"

namespace bertyard {
namespace {

// The datasets of one file of N samples, in memory.
class FixedRows {
 public:
  FixedRows(std::uint64_t samples, const NvidiaWriteOptions& options)
      : samples_(samples),
        length_(static_cast<std::uint64_t>(options.max_length)),
        predictions_(static_cast<std::uint64_t>(options.max_predictions)),
        ids_(samples * length_),
        mask_(samples * length_),
        segments_(samples * length_),
        positions_(samples * predictions_),
        labels_(samples * predictions_),
        next_(samples) {}

  void set(std::uint64_t row, const StoredSample& sample) {
    const auto copy = [row](const auto& from, auto& to, std::uint64_t width) {
      std::copy(from.begin(), from.end(), to.begin() + static_cast<std::ptrdiff_t>(row * width));
    };
    copy(sample.tokens, ids_, length_);
    copy(sample.segments, segments_, length_);
    for (std::size_t t = 0; t < sample.tokens.size(); ++t) {
      const bool is_key = sample.key_mask.empty() || sample.key_mask[t] == 0;
      mask_[row * length_ + t] = is_key ? 1 : 0;
    }
    copy(sample.mask_positions, positions_, predictions_);
    copy(sample.mask_labels, labels_, predictions_);
    next_[row] = sample.is_random_next ? 1 : 0;
  }

  void write(const std::filesystem::path& path) const {
    const FileCalls calls;
    AtomicFile pending(path, calls);
    Hdf5File file = Hdf5File::create(pending.writer().path());
    add(file, "input_ids", Hdf5Type::i32, {samples_, length_}, ids_);
    add(file, "input_mask", Hdf5Type::i8, {samples_, length_}, mask_);
    add(file, "segment_ids", Hdf5Type::i8, {samples_, length_}, segments_);
    add(file, "masked_lm_positions", Hdf5Type::i32, {samples_, predictions_}, positions_);
    add(file, "masked_lm_ids", Hdf5Type::i32, {samples_, predictions_}, labels_);
    add(file, "next_sentence_labels", Hdf5Type::i8, {samples_}, next_);
    file.close();
    pending.commit();
  }

 private:
  template <typename T>
  static void add(Hdf5File& file, const char* name, Hdf5Type type,
                  const std::vector<std::uint64_t>& shape, const std::vector<T>& values) {
    file.create_dataset(name, type, shape, Hdf5Storage::gzip);
    file.write_all(name, std::span<const T>(values));
  }

  std::uint64_t samples_, length_, predictions_;
  std::vector<std::int32_t> ids_;
  std::vector<std::uint8_t> mask_, segments_;
  std::vector<std::int32_t> positions_, labels_;
  std::vector<std::uint8_t> next_;
};

void check_fits(const SampleSource& source, std::uint64_t index, const StoredSample& sample,
                const NvidiaWriteOptions& options) {
  const auto fail = [&](const std::string& what) {
    throw DataError(fmt::format("{}: sample {}: {}", source.properties().path, index, what));
  };
  if (std::ssize(sample.tokens) > options.max_length) {
    fail(fmt::format("{} tokens, the files have room for {}", sample.tokens.size(),
                     options.max_length));
  }
  if (std::ssize(sample.mask_positions) > options.max_predictions) {
    fail(fmt::format("{} masks, the files have room for {}", sample.mask_positions.size(),
                     options.max_predictions));
  }
  if (std::find(sample.mask_positions.begin(), sample.mask_positions.end(), 0u) !=
      sample.mask_positions.end()) {
    fail("position 0 is masked; in NVIDIA's layout a 0 ends the list of positions");
  }
}

void read_masked(const SampleSource& source, std::uint64_t index, const NvidiaWriteOptions& options,
                 StoredSample& sample) {
  source.read(index, sample);
  if (source.properties().masks == MaskTime::training) {
    MaskedTokens masked;
    options.masker->mask(sample.tokens, {options.seed, kFixedMaskEpoch, index}, masked);
    sample.mask_positions = masked.positions;
    sample.mask_labels = masked.labels;
  }
  check_fits(source, index, sample, options);
}

// A reader takes all files of a part that are in the directory, also those of an earlier
// conversion.
void refuse_others(const NvidiaWriteOptions& options, const std::string& part,
                   std::uint64_t files) {
  const std::string prefix = fmt::format("{}_{}_", options.prefix, part);
  for (const auto& entry : std::filesystem::directory_iterator(options.out)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(prefix) || !name.ends_with(".hdf5")) continue;
    std::uint64_t number = 0;
    const char* end = name.data() + name.size() - std::string_view(".hdf5").size();
    const auto [at, error] = std::from_chars(name.data() + prefix.size(), end, number);
    if (error != std::errc() || at != end || number < files) continue;
    throw UsageError(fmt::format(
        "{}: of an earlier conversion into more files; {} will be written, and a reader would take "
        "both: remove the old ones, or choose another directory",
        entry.path().string(), files));
  }
}

}  // namespace

std::vector<std::filesystem::path> write_nvidia_files(const SampleSource& source,
                                                      const NvidiaWriteOptions& options) {
  BERTYARD_CHECK(options.max_length > 0 && options.max_predictions > 0,
                 "NVIDIA files: max_length and max_predictions must be above 0");
  BERTYARD_CHECK(options.masker != nullptr || source.properties().masks == MaskTime::prepare,
                 "NVIDIA files: masks must be stored or drawn by a masker");
  const char* part = options.part == CorpusPart::train ? "training" : "test";
  const auto name_of = [&](std::uint64_t file) {
    return options.out / fmt::format("{}_{}_{}.hdf5", options.prefix, part, file);
  };
  refuse_others(options, part,
                (source.size() + options.samples_per_file - 1) / options.samples_per_file);
  std::vector<std::filesystem::path> files;
  StoredSample sample;
  for (std::uint64_t first = 0; first < source.size(); first += options.samples_per_file) {
    const std::uint64_t count = std::min(options.samples_per_file, source.size() - first);
    FixedRows rows(count, options);
    for (std::uint64_t i = 0; i < count; ++i) {
      read_masked(source, first + i, options, sample);
      rows.set(i, sample);
    }
    files.push_back(name_of(files.size()));
    rows.write(files.back());
  }
  return files;
}

}  // namespace bertyard
