// SPDX-License-Identifier: Apache-2.0
#include "data/prepare/text_job.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "data/files/checked_file.h"
#include "data/shards/hdf5_shard_format.h"
#include "data/text/sentence_splitter.h"

namespace bertyard {
namespace {

// Tokenises the documents of one group of units.
class UnitTokenizer {
 public:
  UnitTokenizer(TokenizerWorker& worker, double held_out, std::uint32_t unknown)
      : worker_(worker), held_out_(held_out), unknown_(unknown) {}

  void run(DocumentReader& reader, SegmentWriter& writer, UnitRecord& record) {
    Document document;
    for (; reader.next(document); ++record.documents) {
      const bool valid = is_held_out(text_hash(document), held_out_);
      const CorpusPart part = valid ? CorpusPart::valid : CorpusPart::train;
      std::uint64_t& unknown = record.unknown[static_cast<std::size_t>(part)];
      for (const std::string& sentence : document.sentences) {
        ids_.clear();
        worker_.tokenize(sentence, ids_);
        unknown += static_cast<std::uint64_t>(std::count(ids_.begin(), ids_.end(), unknown_));
        writer.add_sentence(part, ids_);
      }
      writer.end_document(part, static_cast<std::uint32_t>(record.documents));
    }
    record.counts = reader.counts();
    record.faults = reader.faults();
  }

 private:
  TokenizerWorker& worker_;
  double held_out_;
  std::uint32_t unknown_;
  std::vector<std::uint32_t> ids_;
};

}  // namespace

bool is_held_out(std::uint64_t text_hash, double fraction) {
  return static_cast<double>(text_hash >> 11) * 0x1p-53 < fraction;
}

std::string reading_rules(const CorpusOptions& options) {
  std::string language = options.language;
  if (names_rules_file(language)) {
    language += ' ' + hash_text(hash_range(language, 0, TextUnit::kToTheEnd));
  }
  return fmt::format("rules 2, layout {} start '{}' skip {} field '{}' language {} held out {}",
                     static_cast<int>(options.layout), options.document_start, options.skip_lines,
                     options.field, language, options.held_out);
}

std::uint64_t combined_source_hash(const std::vector<std::uint64_t>& unit_hashes,
                                   const CorpusOptions& options) {
  StreamingHash hash;
  for (const std::uint64_t unit : unit_hashes) hash.update(hash_text(unit));
  hash.update(reading_rules(options));
  return hash.digest();
}

TextJob::TextJob(const CorpusOptions& corpus, const TokenizerOptions& tokenizer,
                 const Vocabulary& vocabulary, std::filesystem::path directory,
                 std::uint64_t unit_bytes)
    : corpus_(corpus),
      tokenizer_(vocabulary, tokenizer),
      unknown_(vocabulary.special().unknown),
      token_bytes_(shard_format::id_bytes(static_cast<std::uint32_t>(vocabulary.size()))),
      directory_(std::move(directory)),
      units_(plan_text_units(corpus, unit_bytes)),
      groups_(group_text_units(units_, unit_bytes)) {}

std::uint64_t TextJob::source_hash(std::size_t unit) const {
  return hash_range(units_[unit].path, units_[unit].begin, units_[unit].end);
}

std::filesystem::path TextJob::tokens_path(std::size_t group) const {
  return directory_ / fmt::format("text-{:06}.tokens", group);
}

std::filesystem::path TextJob::record_path(std::size_t group) const {
  return directory_ / fmt::format("text-{:06}.done", group);
}

// The record of a group whose tokens are there as they were written.
std::optional<UnitRecord> TextJob::done(std::size_t group) const {
  const std::optional<std::string> text = read_checked(record_path(group));
  if (!text) return std::nullopt;
  UnitRecord record = parse_unit_record(*text);
  std::error_code error;
  if (!std::filesystem::exists(tokens_path(group), error)) return std::nullopt;
  for (const Segment& segment : record.segments) {
    for (const SegmentPart& part : segment) {
      const std::uint64_t found =
          hash_range(tokens_path(group), part.offset, part.end(token_bytes_));
      if (found != part.hash) return std::nullopt;
    }
  }
  return record;
}

UnitRecord TextJob::tokenize(std::size_t group, TokenizerWorker& worker) const {
  UnitRecord record;
  for (std::size_t unit = groups_[group].begin; unit < groups_[group].end; ++unit) {
    record.source_hashes.push_back(source_hash(unit));  // and warms the page cache for the reader
  }
  DocumentReader reader(corpus_, units_in(units_, groups_[group]));
  SegmentWriter writer(tokens_path(group), token_bytes_);
  UnitTokenizer(worker, corpus_.held_out, unknown_).run(reader, writer, record);
  record.segments = writer.finish();
  return record;
}

void TextJob::run(std::size_t group, TokenizerWorker& worker) const {
  if (!done(group)) write_checked(record_path(group), to_text(tokenize(group, worker)));
}

TextJob::Result TextJob::gather() const {
  const std::size_t open_files = open_files_of_a_store(kCorpusParts);
  Result result{
      {}, {}, {}, {}, {TokenStore(token_bytes_, open_files), TokenStore(token_bytes_, open_files)}};
  std::uint64_t first_id = 0;
  std::uint64_t lines_before = 0;  // in the same file
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    const std::optional<std::string> text = read_checked(record_path(i));
    if (!text) {
      throw DataError(
          fmt::format("{}: missing or damaged; run prepare again", record_path(i).string()));
    }
    const UnitRecord record = parse_unit_record(*text);
    if (units_[groups_[i].begin].begin == 0) lines_before = 0;
    for (const LineFault& fault : record.faults) {
      if (result.faults.size() == DocumentReader::kNamedFaults) break;
      result.faults.push_back({fault.file, lines_before + fault.line, fault.what});
    }
    lines_before += record.counts.lines;
    result.counts += record.counts;
    result.unit_hashes.insert(result.unit_hashes.end(), record.source_hashes.begin(),
                              record.source_hashes.end());
    for (std::size_t p = 0; p < kCorpusParts; ++p) {
      result.unknown[p] += record.unknown[p];
      for (const Segment& segment : record.segments) {
        result.parts[p].add(tokens_path(i), first_id, segment[p]);
      }
    }
    first_id += record.documents;
  }
  if (result.counts.documents == 0) {
    throw DataError(no_documents_text(result.counts, units_.front().path, result.faults));
  }
  return result;
}

}  // namespace bertyard
