// SPDX-License-Identifier: Apache-2.0
#include "data/shards/hdf5_shard_reader.h"

#include <algorithm>
#include <variant>

#include <fmt/format.h>

#include "core/base/error.h"
#include "data/files/block_checksums.h"
#include "data/files/mapped_file.h"
#include "data/shards/hdf5_file.h"
#include "data/shards/hdf5_shard_format.h"
#include "data/shards/shard_column.h"
#include "data/vector_loops.h"

namespace bertyard {
namespace {

using IdColumn = std::variant<ShardColumn<std::uint16_t>, ShardColumn<std::uint32_t>>;

std::uint64_t size_of(const IdColumn& column) {
  return std::visit([](const auto& typed) { return typed.size(); }, column);
}

std::uint32_t widen(std::span<const std::uint16_t> ids, std::uint32_t* out) {
  return vector_loops().widen_16(ids.data(), ids.size(), out);
}
std::uint32_t widen(std::span<const std::uint32_t> ids, std::uint32_t* out) {
  return vector_loops().widen_32(ids.data(), ids.size(), out);
}

// Widens ids into `out` and returns the greatest.
std::uint32_t copy_ids(const IdColumn& column, std::uint64_t first, std::uint64_t count,
                       std::vector<std::uint32_t>& out) {
  out.resize(count);
  return std::visit([&](const auto& typed) { return widen(typed.slice(first, count), out.data()); },
                    column);
}

// Elements that are asked for ahead of a read, at most: a longer sample hides its own waiting.
constexpr std::uint64_t kMostAhead = 1024;

// A half-open range of a flat column.
struct Range {
  std::uint64_t begin;
  std::uint64_t end;
  std::uint64_t size() const { return end - begin; }
};

}  // namespace

class ShardReader::State {
 public:
  State(const std::filesystem::path& path, const ShardEntry* entry)
      : name_(path.string()),
        file_(path),
        checker_(name_, check_size(entry),
                 entry == nullptr ? std::vector<std::uint64_t>() : entry->block_hashes,
                 [this] { file_.require_unchanged(); }) {
    // HDF5's own structures are at the head: the library sees them only when they are as written.
    checker_.require(0, std::min<std::size_t>(file_.bytes().size(), kChecksumBlockBytes));
    const Hdf5File hdf5 = Hdf5File::open(path);
    read_attributes(hdf5);
    open_columns(hdf5);
    check_shapes(entry);
  }

  const ShardParameters& parameters() const { return parameters_; }
  std::uint64_t samples() const { return offsets_.size() - 1; }
  std::uint64_t tokens() const { return size_of(tokens_); }

  SampleShape shape(std::uint64_t index) const {
    const Range range = sample_range(index);
    SampleShape shape{.length = static_cast<std::int64_t>(range.size()),
                      .a_length = a_length(index, range.size()),
                      .masked = 0};
    if (stores_masks()) shape.masked = static_cast<std::int64_t>(mask_range(index).size());
    return shape;
  }

  void read(std::uint64_t index, StoredSample& sample) const {
    const Range range = sample_range(index);
    check_ids(index, copy_ids(tokens_, range.begin, range.size(), sample.tokens));
    sample.a_length = a_length(index, range.size());
    sample.segments.assign(range.size(), 1);
    std::fill_n(sample.segments.begin(), sample.a_length, std::uint8_t{0});
    sample.key_mask.clear();
    const std::uint8_t random_next = random_next_.at(index);
    if (random_next > 1) fail(index, fmt::format("is_random_next is {}, not 0 or 1", random_next));
    sample.is_random_next = random_next == 1;
    sample.mask_positions.clear();
    sample.mask_labels.clear();
    if (stores_masks()) read_masks(index, sample);
    file_.require_unchanged_lately();
  }

  void prefetch_shape(std::uint64_t index) const {
    offsets_.prefetch(index, 2);
    a_lengths_.prefetch(index, 1);
    random_next_.prefetch(index, 1);
    mask_offsets_.prefetch(index, 2);
  }

  void prefetch(std::uint64_t index) const {
    const auto ahead = [&](const ShardColumn<std::uint64_t>& offsets, const auto& column) {
      const auto range = offsets.slice(index, 2);
      const std::uint64_t count = range[1] - range[0];
      if (count <= kMostAhead) column.prefetch(range[0], count);
    };
    std::visit([&](const auto& typed) { ahead(offsets_, typed); }, tokens_);
    if (!stores_masks()) return;
    ahead(mask_offsets_, mask_positions_);
    std::visit([&](const auto& typed) { ahead(mask_offsets_, typed); }, mask_labels_);
  }

  void verify() const {
    checker_.require_all();
    StoredSample sample;
    for (std::uint64_t i = 0; i < samples(); ++i) read(i, sample);
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw DataError(fmt::format("{}: {}", name_, what));
  }
  [[noreturn]] void fail(std::uint64_t index, const std::string& what) const {
    file_.require_unchanged();  // what was read may be the zeros in place of what is gone
    fail(fmt::format("sample {}: {}; the shard is damaged, run prepare again", index, what));
  }
  bool stores_masks() const { return parameters_.mask.when == MaskTime::prepare; }

  std::span<const std::byte> check_size(const ShardEntry* entry) const {
    if (entry != nullptr && entry->bytes != file_.bytes().size()) {
      fail(
          fmt::format("the file has {} bytes, the manifest says {}; it is truncated or another "
                      "file, copy it again or run prepare again",
                      file_.bytes().size(), entry->bytes));
    }
    return file_.bytes();
  }

  void read_attributes(const Hdf5File& hdf5) {
    const std::uint64_t version = hdf5.read_number(shard_format::kVersion);
    if (version != kShardFormatVersion) {
      fail(fmt::format("shard format version {}, this program reads {}; run prepare again", version,
                       kShardFormatVersion));
    }
    parameters_ = parse_shard_parameters(hdf5.read_text(shard_format::kParameters), name_);
    if (parameters_.vocabulary_size == 0) fail("made with a vocabulary of 0 entries");
  }

  template <typename T>
  ShardColumn<T> open_column(const Hdf5File& hdf5, const char* name, Hdf5Type type) const {
    const Hdf5Dataset dataset = hdf5.describe(name);
    if (dataset.type != type || dataset.shape.size() != 1) {
      fail(fmt::format("dataset '{}' is {} of rank {}, expected {} of rank 1", name,
                       name_of(dataset.type), dataset.shape.size(), name_of(type)));
    }
    const std::uint64_t count = dataset.elements();
    if (!dataset.offset || !dataset.native_order || *dataset.offset % sizeof(T) != 0) {
      return ShardColumn<T>(hdf5.read_all<T>(dataset));
    }
    const std::span<const std::byte> bytes = file_.bytes();
    if (*dataset.offset > bytes.size() || count > (bytes.size() - *dataset.offset) / sizeof(T)) {
      fail(fmt::format("dataset '{}' reaches beyond the end of the file", name));
    }
    const auto* first = reinterpret_cast<const T*>(bytes.data() + *dataset.offset);
    return ShardColumn<T>({first, count}, *dataset.offset, &checker_);
  }

  IdColumn open_ids(const Hdf5File& hdf5, const char* name) const {
    if (!shard_format::ids_fit_u16(parameters_.vocabulary_size)) {
      return open_column<std::uint32_t>(hdf5, name, Hdf5Type::u32);
    }
    return open_column<std::uint16_t>(hdf5, name, Hdf5Type::u16);
  }

  void open_columns(const Hdf5File& hdf5) {
    tokens_ = open_ids(hdf5, shard_format::kTokens);
    offsets_ = open_column<std::uint64_t>(hdf5, shard_format::kSampleOffsets, Hdf5Type::u64);
    a_lengths_ = open_column<std::uint16_t>(hdf5, shard_format::kALength, Hdf5Type::u16);
    random_next_ = open_column<std::uint8_t>(hdf5, shard_format::kRandomNext, Hdf5Type::u8);
    if (!stores_masks()) return;
    mask_offsets_ = open_column<std::uint64_t>(hdf5, shard_format::kMaskOffsets, Hdf5Type::u64);
    mask_positions_ = open_column<std::uint16_t>(hdf5, shard_format::kMaskPositions, Hdf5Type::u16);
    mask_labels_ = open_ids(hdf5, shard_format::kMaskLabels);
  }

  void check_shapes(const ShardEntry* entry) const {
    if (offsets_.size() == 0) fail("dataset 'sample_offsets' is empty");
    const bool masks_agree = !stores_masks() || (mask_offsets_.size() == samples() + 1 &&
                                                 mask_positions_.size() == size_of(mask_labels_));
    if (a_lengths_.size() != samples() || random_next_.size() != samples() || !masks_agree) {
      fail("its datasets disagree on the number of samples or masks");
    }
    if (offsets_.at(samples()) != tokens()) {
      fail(fmt::format("sample_offsets ends at {}, but there are {} tokens", offsets_.at(samples()),
                       tokens()));
    }
    if (entry != nullptr && (entry->samples != samples() || entry->tokens != tokens())) {
      fail(fmt::format("{} samples of {} tokens, the manifest says {} of {}", samples(), tokens(),
                       entry->samples, entry->tokens));
    }
  }

  Range range_in(const ShardColumn<std::uint64_t>& offsets, std::uint64_t index,
                 std::uint64_t limit) const {
    BERTYARD_CHECK(index < samples(), "shard: the sample index is out of range");
    const auto pair = offsets.slice(index, 2);
    const Range range{pair[0], pair[1]};
    if (range.begin > range.end || range.end > limit) {
      fail(index, fmt::format("its offsets {} to {} do not rise or exceed {}", range.begin,
                              range.end, limit));
    }
    return range;
  }

  Range sample_range(std::uint64_t index) const {
    const Range range = range_in(offsets_, index, tokens());
    if (range.size() < 2 || range.size() > static_cast<std::uint64_t>(parameters_.max_length)) {
      fail(index,
           fmt::format("it has {} tokens, expected 2 to {}", range.size(), parameters_.max_length));
    }
    return range;
  }

  Range mask_range(std::uint64_t index) const {
    return range_in(mask_offsets_, index, mask_positions_.size());
  }

  std::int64_t a_length(std::uint64_t index, std::uint64_t length) const {
    const std::uint16_t a_length = a_lengths_.at(index);
    if (a_length < 2 || a_length > length) {
      fail(index, fmt::format("a_length is {}, expected 2 to {}", a_length, length));
    }
    return a_length;
  }

  void check_ids(std::uint64_t index, std::uint32_t greatest) const {
    if (greatest < parameters_.vocabulary_size) return;
    fail(index, fmt::format("token id {} is not below the vocabulary size {}", greatest,
                            parameters_.vocabulary_size));
  }

  void read_masks(std::uint64_t index, StoredSample& sample) const {
    const Range range = mask_range(index);
    const auto positions = mask_positions_.slice(range.begin, range.size());
    sample.mask_positions.assign(positions.begin(), positions.end());
    check_ids(index, copy_ids(mask_labels_, range.begin, range.size(), sample.mask_labels));
    std::int64_t previous = -1;
    for (const std::int64_t position : sample.mask_positions) {
      if (position <= previous || position >= static_cast<std::int64_t>(sample.tokens.size())) {
        fail(index, fmt::format("mask position {} does not rise or is not below {}", position,
                                sample.tokens.size()));
      }
      previous = position;
    }
  }

  std::string name_;
  MappedFile file_;
  BlockChecker checker_;
  ShardParameters parameters_;
  IdColumn tokens_;
  ShardColumn<std::uint64_t> offsets_;
  ShardColumn<std::uint16_t> a_lengths_;
  ShardColumn<std::uint8_t> random_next_;
  ShardColumn<std::uint64_t> mask_offsets_;
  ShardColumn<std::uint16_t> mask_positions_;
  IdColumn mask_labels_;
};

ShardReader::ShardReader(const std::filesystem::path& path, const ShardEntry* entry)
    : state_(std::make_unique<State>(path, entry)) {}
ShardReader::~ShardReader() = default;
ShardReader::ShardReader(ShardReader&&) noexcept = default;

const ShardParameters& ShardReader::parameters() const {
  return state_->parameters();
}
std::uint64_t ShardReader::samples() const {
  return state_->samples();
}
std::uint64_t ShardReader::tokens() const {
  return state_->tokens();
}
SampleShape ShardReader::shape(std::uint64_t index) const {
  return state_->shape(index);
}
void ShardReader::read(std::uint64_t index, StoredSample& sample) const {
  state_->read(index, sample);
}
void ShardReader::prefetch_shape(std::uint64_t index) const {
  state_->prefetch_shape(index);
}
void ShardReader::prefetch(std::uint64_t index) const {
  state_->prefetch(index);
}
void ShardReader::verify() const {
  state_->verify();
}

}  // namespace bertyard
