// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "data/files/checked_file.h"
#include "data/samples/shard_parameters.h"
#include "data/samples/token_documents.h"

namespace bertyard {

inline constexpr std::size_t kCorpusParts = 2;  // CorpusPart::train, CorpusPart::valid

// The documents of one part of the corpus in a segment: in the file, from `offset` on,
//   ordinals u32[documents], first_sentence u32[documents + 1], sentence_begin u32[sentences + 1],
//   tokens u16 or u32 [tokens].
struct SegmentPart {
  std::uint64_t documents = 0;
  std::uint64_t sentences = 0;
  std::uint64_t tokens = 0;
  std::uint64_t offset = 0;
  std::uint64_t hash = 0;  // XXH3 of these bytes

  std::uint64_t first_sentence_at() const { return offset + 4 * documents; }
  std::uint64_t sentence_begin_at() const { return first_sentence_at() + 4 * (documents + 1); }
  std::uint64_t tokens_at() const { return sentence_begin_at() + 4 * (sentences + 1); }
  std::uint64_t end(std::uint64_t token_bytes) const { return tokens_at() + token_bytes * tokens; }
  bool operator==(const SegmentPart&) const = default;
};

// Some consecutive documents of a unit. A document's ordinal counts from the unit's first.
using Segment = std::array<SegmentPart, kCorpusParts>;

// Gathers tokenised documents of one unit and writes them in segments, in bounded memory.
class SegmentWriter {
 public:
  SegmentWriter(const std::filesystem::path& path, std::uint64_t token_bytes)
      : file_(path), token_bytes_(token_bytes) {}

  void add_sentence(CorpusPart part, std::span<const std::uint32_t> tokens);
  // Closes the document whose sentences were added since the last call.
  void end_document(CorpusPart part, std::uint32_t ordinal);
  // Puts the file in place and says what is in it.
  std::vector<Segment> finish();

 private:
  struct Part {
    std::vector<std::uint32_t> ordinals;
    std::vector<std::uint32_t> first_sentence{0};
    std::vector<std::uint32_t> sentence_begin{0};
    std::vector<std::uint16_t> narrow_tokens;
    std::vector<std::uint32_t> wide_tokens;
  };
  static constexpr std::size_t kSegmentTokens = std::size_t{1} << 21;

  void flush();
  SegmentPart write(const Part& part);

  WorkFile file_;
  std::uint64_t token_bytes_;
  std::array<Part, kCorpusParts> parts_;
  std::vector<Segment> segments_;
};

// How many files each of so many stores may keep open, so that half of the descriptors that the
// process may have (ulimit -n) are left to others; at most 512.
std::size_t open_files_of_a_store(std::size_t stores);

// All documents of one part, in the files of the units. Immutable: any number of threads may read.
class TokenStore {
 public:
  // Keeps at most `open_files` files open; others are opened for each read.
  TokenStore(std::uint64_t token_bytes, std::size_t open_files)
      : token_bytes_(token_bytes), open_files_(open_files) {}

  // `first_id`: of the unit's first document. Call in the order of the units.
  void add(const std::filesystem::path& file, std::uint64_t first_id, const SegmentPart& segment);

  std::uint64_t token_bytes() const { return token_bytes_; }
  std::size_t document_count() const { return documents_; }
  std::uint64_t sentence_count() const { return sentences_; }
  std::uint64_t token_count() const { return tokens_; }

  struct StoredSegment {
    std::size_t file;
    std::uint64_t first_id;
    std::size_t first_document;  // of all
    std::uint64_t first_token;   // of all
    SegmentPart part;
  };
  const std::vector<StoredSegment>& segments() const { return stored_; }
  const StoredSegment& segment_of(std::size_t document) const;
  void read(const StoredSegment& segment, std::uint64_t offset, std::span<std::byte> bytes) const;
  // How many tokens there are before this document; of all, where it is the number of documents.
  std::uint64_t first_token_of(std::size_t document) const;
  // The first document that begins at this token or later.
  std::size_t document_at_token(std::uint64_t token) const;

 private:
  std::uint64_t token_bytes_;
  std::size_t open_files_;
  std::vector<std::filesystem::path> files_;
  std::vector<FileReader> open_;
  std::vector<StoredSegment> stored_;
  std::size_t documents_ = 0;
  std::uint64_t sentences_ = 0;
  std::uint64_t tokens_ = 0;
};

// One thread's view of a store. Holds the documents of one segment, and of any other document the
// few sentences asked for last. Borrows the store.
class StoredDocuments final : public TokenDocuments {
 public:
  explicit StoredDocuments(const TokenStore& store) : store_(store) {}

  // Reads the segment whose documents are to be built.
  void load(const TokenStore::StoredSegment& segment);

  std::size_t document_count() const override { return store_.document_count(); }
  std::uint64_t document_id(std::size_t document) const override;
  std::size_t sentences_in(std::size_t document) const override;
  std::span<const std::uint32_t> sentence(std::size_t document,
                                          std::size_t sentence) const override;

 private:
  // Sentences [first, end) of a document, and of all how many there are.
  struct Window {
    std::size_t document = static_cast<std::size_t>(-1);
    const TokenStore::StoredSegment* segment = nullptr;
    std::size_t first_sentence = 0;  // of the document, in its segment
    std::size_t sentences = 0;
    std::size_t first = 0;
    std::vector<std::uint32_t> begins;  // of the tokens in the segment; one more than sentences
    std::vector<std::uint32_t> tokens;
  };

  bool is_loaded(std::size_t document) const {
    return loaded_ != nullptr && document - loaded_->first_document < loaded_->part.documents;
  }
  void open_window(std::size_t document) const;
  void fill_window(std::size_t sentence) const;
  void read_tokens(const TokenStore::StoredSegment& segment, std::uint64_t first,
                   std::uint64_t count, std::vector<std::uint32_t>& tokens) const;

  const TokenStore& store_;
  const TokenStore::StoredSegment* loaded_ = nullptr;
  std::vector<std::uint32_t> ordinals_;
  std::vector<std::uint32_t> first_sentence_;
  std::vector<std::uint32_t> sentence_begin_;
  std::vector<std::uint32_t> tokens_;
  mutable Window window_;
  mutable std::vector<std::uint16_t> narrow_;
};

}  // namespace bertyard
