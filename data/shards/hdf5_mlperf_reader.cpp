// SPDX-License-Identifier: Apache-2.0
#include "data/shards/hdf5_mlperf_reader.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <span>

#include <fmt/format.h>

#include "core/base/error.h"
#include "data/shards/hdf5_file.h"

namespace bertyard {
namespace {

constexpr std::array kDatasets{"input_ids", "segment_ids", "masked_lm_positions", "masked_lm_ids",
                               "next_sentence_labels"};
constexpr std::uint64_t kBlockRows = 4096;  // in memory at a time

using Values = std::span<const std::int64_t>;

bool has(const Hdf5File& file, const char* name) {
  const std::vector<std::string> names = file.names();
  return std::find(names.begin(), names.end(), name) != names.end();
}

// The lists of one block of rows; those of packed rows are empty where rows are sequences.
struct Block {
  Hdf5RaggedRows ids, segments, positions, labels, next, lengths, masked;
};

}  // namespace

bool has_mlperf_layout(const Hdf5File& file) {
  return std::all_of(kDatasets.begin(), kDatasets.end(),
                     [&](const char* name) { return has(file, name); }) &&
         file.is_ragged("input_ids");
}

class MlperfFile::Loader {
 public:
  Loader(MlperfFile& out, const Hdf5File& file, const SampleExpectations& expectations)
      : out_(out),
        file_(file),
        expectations_(expectations),
        packed_(has(file, "packed_input_len")) {}

  bool packed() const { return packed_; }

  void load() {
    const std::uint64_t rows = count_rows();
    for (std::uint64_t first = 0; first < rows; first += kBlockRows) {
      const std::uint64_t count = std::min(kBlockRows, rows - first);
      const Block block = read_block(first, count);
      for (std::uint64_t i = 0; i < count; ++i) {
        row_ = first + i;
        add_row(block, i);
      }
    }
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw DataError(fmt::format("{}: {}", out_.properties_.path, what));
  }
  [[noreturn]] void fail_row(const std::string& what) const {
    fail(fmt::format("row {}: {}", row_, what));
  }

  std::uint64_t count_rows() const {
    const std::uint64_t rows = file_.ragged_rows("input_ids");
    std::vector<const char*> lists{"segment_ids", "masked_lm_positions", "masked_lm_ids"};
    if (packed_) {
      lists.insert(lists.end(),
                   {"next_sentence_labels", "packed_input_len", "packed_masked_lm_len"});
    } else if (file_.describe("next_sentence_labels").shape != std::vector<std::uint64_t>{rows}) {
      fail("next_sentence_labels has another number of rows than input_ids");
    }
    for (const char* name : lists) {
      if (file_.ragged_rows(name) == rows) continue;
      fail(fmt::format("{} has {} rows, input_ids {}", name, file_.ragged_rows(name), rows));
    }
    if (rows == 0) fail("holds no samples");
    return rows;
  }

  Block read_block(std::uint64_t first, std::uint64_t count) const {
    Block block;
    block.ids = file_.read_ragged("input_ids", first, count);
    block.segments = file_.read_ragged("segment_ids", first, count);
    block.positions = file_.read_ragged("masked_lm_positions", first, count);
    block.labels = file_.read_ragged("masked_lm_ids", first, count);
    if (packed_) {
      block.next = file_.read_ragged("next_sentence_labels", first, count);
      block.lengths = file_.read_ragged("packed_input_len", first, count);
      block.masked = file_.read_ragged("packed_masked_lm_len", first, count);
    } else {
      block.next.values.resize(count);
      file_.read_rows(file_.describe("next_sentence_labels"), first, std::span(block.next.values));
    }
    return block;
  }

  void add_row(const Block& block, std::uint64_t i) {
    const Values ids = block.ids.row(i), segments = block.segments.row(i);
    const Values positions = block.positions.row(i), labels = block.labels.row(i);
    const std::int64_t whole[]{std::ssize(ids), std::ssize(positions)};
    const Values lengths = packed_ ? block.lengths.row(i) : Values(whole, 1);
    const Values masked = packed_ ? block.masked.row(i) : Values(whole + 1, 1);
    const Values next = packed_ ? block.next.row(i) : Values(block.next.values).subspan(i, 1);
    check_lengths(ids, segments, positions, labels);
    check_sums(lengths, masked, next, {std::ssize(ids), std::ssize(positions)});
    std::size_t token = 0, mask = 0;
    for (std::size_t s = 0; s < lengths.size(); ++s) {
      const auto length = static_cast<std::size_t>(lengths[s]);
      const auto count = static_cast<std::size_t>(masked[s]);
      add_masks(positions.subspan(mask, count), labels.subspan(mask, count), token, length);
      add_tokens(ids.subspan(token, length), segments.subspan(token, length));
      out_.random_next_.push_back(
          static_cast<std::uint8_t>(in_range("next_sentence_labels", next[s], 0, 2)));
      token += length;
      mask += count;
    }
  }

  void check_lengths(Values ids, Values segments, Values positions, Values labels) const {
    if (segments.size() != ids.size()) {
      fail_row(fmt::format("{} segment_ids for {} input_ids", segments.size(), ids.size()));
    }
    if (labels.size() != positions.size()) {
      fail_row(fmt::format("{} masked_lm_ids for {} masked_lm_positions", labels.size(),
                           positions.size()));
    }
  }

  struct RowSizes {
    std::int64_t tokens, masks;
  };
  void check_sums(Values lengths, Values masked, Values next, const RowSizes& sizes) const {
    const auto sum = [](Values values) {
      return std::accumulate(values.begin(), values.end(), std::int64_t{0});
    };
    const bool positive =
        std::all_of(lengths.begin(), lengths.end(),
                    [](auto v) { return v > 0 && v < (1 << 20); }) &&
        std::all_of(masked.begin(), masked.end(), [](auto v) { return v >= 0 && v < (1 << 20); });
    if (positive && lengths.size() == masked.size() && lengths.size() == next.size() &&
        sum(lengths) == sizes.tokens && sum(masked) == sizes.masks) {
      return;
    }
    fail_row(fmt::format(
        "its {} lengths and {} counts of masks for {} labels do not add up to {} tokens "
        "and {} masks",
        lengths.size(), masked.size(), next.size(), sizes.tokens, sizes.masks));
  }

  std::int64_t in_range(const char* dataset, std::int64_t value, std::int64_t begin,
                        std::int64_t end) const {
    if (value < begin || value >= end) {
      fail_row(fmt::format("{} holds {}, expected {} to {}", dataset, value, begin, end - 1));
    }
    return value;
  }

  std::int64_t vocabulary_end() const {
    return expectations_.vocabulary_size != 0 ? expectations_.vocabulary_size
                                              : std::int64_t{1} << 31;
  }

  // `first`: the sequence's first token in its row.
  void add_masks(Values positions, Values labels, std::size_t first, std::size_t length) {
    const auto begin = static_cast<std::int64_t>(first);
    const std::int64_t end = begin + static_cast<std::int64_t>(length);
    for (std::size_t i = 0; i < positions.size(); ++i) {
      const std::int64_t at = in_range("masked_lm_positions", positions[i], begin, end) - begin;
      out_.mask_positions_.push_back(static_cast<std::uint32_t>(at));
      out_.mask_labels_.push_back(
          static_cast<std::uint32_t>(in_range("masked_lm_ids", labels[i], 0, vocabulary_end())));
    }
    out_.mask_offsets_.push_back(out_.mask_positions_.size());
    auto& most = out_.properties_.max_masked;
    most = std::max(most, std::ssize(positions));
  }

  void add_tokens(Values ids, Values segments) {
    for (std::size_t t = 0; t < ids.size(); ++t) {
      out_.tokens_.push_back(
          static_cast<std::uint32_t>(in_range("input_ids", ids[t], 0, vocabulary_end())));
      out_.segments_.push_back(static_cast<std::uint8_t>(
          in_range("segment_ids", segments[t], 0, std::min(expectations_.segments, 256))));
      out_.key_mask_.push_back(0);
    }
    out_.offsets_.push_back(out_.tokens_.size());
    auto& longest = out_.properties_.max_length;
    longest = std::max(longest, std::ssize(ids));
    if (expectations_.max_length != 0 && longest > expectations_.max_length) {
      fail_row(fmt::format("a sequence has {} tokens, the model {} positions", ids.size(),
                           expectations_.max_length));
    }
  }

  MlperfFile& out_;
  const Hdf5File& file_;
  const SampleExpectations& expectations_;
  bool packed_;
  std::uint64_t row_ = 0;
};

MlperfFile::MlperfFile(const std::filesystem::path& path, const SampleExpectations& expectations) {
  describe_foreign(path, expectations);
  const Hdf5File file = Hdf5File::open(path);
  Loader loader(*this, file, expectations);
  properties_.layout = loader.packed() ? "MLPerf packed layout" : "MLPerf variable-length layout";
  loader.load();
  properties_.samples = random_next_.size();
  properties_.tokens = tokens_.size();
}

}  // namespace bertyard
