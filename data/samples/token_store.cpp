// SPDX-License-Identifier: Apache-2.0
#include "data/samples/token_store.h"

#include <algorithm>

#include <sys/resource.h>

#include "core/base/hash.h"

namespace bertyard {
namespace {

// What a window on another document reads at once: about what a sample takes.
constexpr std::size_t kWindowSentences = 32;
constexpr std::size_t kWindowTokens = 640;

template <typename T>
std::span<std::byte> writable_bytes(std::vector<T>& values) {
  return std::as_writable_bytes(std::span(values));
}

}  // namespace

void SegmentWriter::add_sentence(CorpusPart part, std::span<const std::uint32_t> tokens) {
  if (tokens.empty()) return;
  Part& to = parts_[static_cast<std::size_t>(part)];
  if (token_bytes_ == 2) {
    to.narrow_tokens.insert(to.narrow_tokens.end(), tokens.begin(), tokens.end());
  } else {
    to.wide_tokens.insert(to.wide_tokens.end(), tokens.begin(), tokens.end());
  }
  to.sentence_begin.push_back(to.sentence_begin.back() + static_cast<std::uint32_t>(tokens.size()));
}

void SegmentWriter::end_document(CorpusPart part, std::uint32_t ordinal) {
  Part& to = parts_[static_cast<std::size_t>(part)];
  const auto sentences = static_cast<std::uint32_t>(to.sentence_begin.size() - 1);
  if (sentences == to.first_sentence.back()) return;
  to.first_sentence.push_back(sentences);
  to.ordinals.push_back(ordinal);
  if (to.sentence_begin.back() >= kSegmentTokens) flush();
}

void SegmentWriter::flush() {
  Segment segment;
  for (std::size_t i = 0; i < kCorpusParts; ++i) {
    segment[i] = write(parts_[i]);
    parts_[i] = {};
  }
  segments_.push_back(segment);
}

SegmentPart SegmentWriter::write(const Part& part) {
  SegmentPart written{part.ordinals.size(), part.sentence_begin.size() - 1,
                      part.sentence_begin.back(), file_.size(), 0};
  StreamingHash hash;
  for (const auto bytes :
       {std::as_bytes(std::span(part.ordinals)), std::as_bytes(std::span(part.first_sentence)),
        std::as_bytes(std::span(part.sentence_begin)), std::as_bytes(std::span(part.narrow_tokens)),
        std::as_bytes(std::span(part.wide_tokens))}) {
    file_.append(bytes);
    hash.update(bytes);
  }
  written.hash = hash.digest();
  return written;
}

std::vector<Segment> SegmentWriter::finish() {
  const bool is_empty =
      std::all_of(parts_.begin(), parts_.end(), [](const Part& p) { return p.ordinals.empty(); });
  if (!is_empty) flush();
  file_.close();
  return std::move(segments_);
}

std::size_t open_files_of_a_store(std::size_t stores) {
  constexpr std::size_t kMost = 512;
  rlimit descriptors{};
  if (::getrlimit(RLIMIT_NOFILE, &descriptors) != 0) return 0;
  return std::min<std::size_t>(kMost, descriptors.rlim_cur / (2 * stores));
}

void TokenStore::add(const std::filesystem::path& file, std::uint64_t first_id,
                     const SegmentPart& segment) {
  if (segment.documents == 0) return;
  if (files_.empty() || files_.back() != file) {
    files_.push_back(file);
    if (open_.size() < open_files_) open_.emplace_back(file);
  }
  stored_.push_back({files_.size() - 1, first_id, documents_, tokens_, segment});
  documents_ += segment.documents;
  sentences_ += segment.sentences;
  tokens_ += segment.tokens;
}

const TokenStore::StoredSegment& TokenStore::segment_of(std::size_t document) const {
  const auto after = std::upper_bound(
      stored_.begin(), stored_.end(), document,
      [](std::size_t d, const StoredSegment& segment) { return d < segment.first_document; });
  return *(after - 1);
}

void TokenStore::read(const StoredSegment& segment, std::uint64_t offset,
                      std::span<std::byte> bytes) const {
  if (segment.file < open_.size()) {
    open_[segment.file].read(offset, bytes);
  } else {
    FileReader(files_[segment.file]).read(offset, bytes);
  }
}

std::uint64_t TokenStore::first_token_of(std::size_t document) const {
  if (document >= documents_) return tokens_;
  const StoredSegment& segment = segment_of(document);
  std::vector<std::uint32_t> at(1);
  read(segment, segment.part.first_sentence_at() + 4 * (document - segment.first_document),
       writable_bytes(at));
  read(segment, segment.part.sentence_begin_at() + 4 * std::uint64_t{at[0]}, writable_bytes(at));
  return segment.first_token + at[0];
}

std::size_t TokenStore::document_at_token(std::uint64_t token) const {
  if (token >= tokens_) return documents_;
  const auto after = std::upper_bound(
      stored_.begin(), stored_.end(), token,
      [](std::uint64_t t, const StoredSegment& segment) { return t < segment.first_token; });
  const StoredSegment& segment = *(after - 1);
  std::vector<std::uint32_t> first_sentence(segment.part.documents + 1);
  std::vector<std::uint32_t> sentence_begin(segment.part.sentences + 1);
  read(segment, segment.part.first_sentence_at(), writable_bytes(first_sentence));
  read(segment, segment.part.sentence_begin_at(), writable_bytes(sentence_begin));
  const auto found =
      std::lower_bound(first_sentence.begin(), first_sentence.end(), token - segment.first_token,
                       [&](std::uint32_t sentence, std::uint64_t wanted) {
                         return sentence_begin[sentence] < wanted;
                       });
  return segment.first_document + static_cast<std::size_t>(found - first_sentence.begin());
}

void StoredDocuments::read_tokens(const TokenStore::StoredSegment& segment, std::uint64_t first,
                                  std::uint64_t count, std::vector<std::uint32_t>& tokens) const {
  const std::uint64_t offset = segment.part.tokens_at() + first * store_.token_bytes();
  tokens.resize(count);
  if (store_.token_bytes() == 4) {
    store_.read(segment, offset, writable_bytes(tokens));
    return;
  }
  narrow_.resize(count);
  store_.read(segment, offset, writable_bytes(narrow_));
  std::copy(narrow_.begin(), narrow_.end(), tokens.begin());
}

void StoredDocuments::load(const TokenStore::StoredSegment& segment) {
  loaded_ = &segment;
  ordinals_.resize(segment.part.documents);
  first_sentence_.resize(segment.part.documents + 1);
  sentence_begin_.resize(segment.part.sentences + 1);
  store_.read(segment, segment.part.offset, writable_bytes(ordinals_));
  store_.read(segment, segment.part.first_sentence_at(), writable_bytes(first_sentence_));
  store_.read(segment, segment.part.sentence_begin_at(), writable_bytes(sentence_begin_));
  read_tokens(segment, 0, segment.part.tokens, tokens_);
}

std::uint64_t StoredDocuments::document_id(std::size_t document) const {
  if (is_loaded(document)) return loaded_->first_id + ordinals_[document - loaded_->first_document];
  const TokenStore::StoredSegment& segment = store_.segment_of(document);
  std::vector<std::uint32_t> ordinal(1);
  store_.read(segment, segment.part.offset + 4 * (document - segment.first_document),
              writable_bytes(ordinal));
  return segment.first_id + ordinal[0];
}

std::size_t StoredDocuments::sentences_in(std::size_t document) const {
  if (is_loaded(document)) {
    const std::size_t local = document - loaded_->first_document;
    return first_sentence_[local + 1] - first_sentence_[local];
  }
  open_window(document);
  return window_.sentences;
}

std::span<const std::uint32_t> StoredDocuments::sentence(std::size_t document,
                                                         std::size_t sentence) const {
  if (is_loaded(document)) {
    const std::size_t at = first_sentence_[document - loaded_->first_document] + sentence;
    return std::span(tokens_).subspan(sentence_begin_[at],
                                      sentence_begin_[at + 1] - sentence_begin_[at]);
  }
  open_window(document);
  const std::size_t place = sentence - window_.first;
  if (sentence < window_.first || place + 1 >= window_.begins.size()) {
    fill_window(sentence);
    return this->sentence(document, sentence);
  }
  return std::span(window_.tokens)
      .subspan(window_.begins[place] - window_.begins[0],
               window_.begins[place + 1] - window_.begins[place]);
}

void StoredDocuments::open_window(std::size_t document) const {
  if (window_.document == document) return;
  const TokenStore::StoredSegment& segment = store_.segment_of(document);
  std::array<std::uint32_t, 2> ends;
  store_.read(segment, segment.part.first_sentence_at() + 4 * (document - segment.first_document),
              std::as_writable_bytes(std::span(ends)));
  window_.document = document;
  window_.segment = &segment;
  window_.first_sentence = ends[0];
  window_.sentences = ends[1] - ends[0];
  window_.begins.clear();
}

// Reads some sentences from `sentence` on, at least one.
void StoredDocuments::fill_window(std::size_t sentence) const {
  const std::size_t count = std::min(kWindowSentences, window_.sentences - sentence);
  window_.first = sentence;
  window_.begins.resize(count + 1);
  const SegmentPart& part = window_.segment->part;
  store_.read(*window_.segment, part.sentence_begin_at() + 4 * (window_.first_sentence + sentence),
              writable_bytes(window_.begins));
  while (window_.begins.size() > 2 &&
         window_.begins.back() - window_.begins.front() > kWindowTokens) {
    window_.begins.pop_back();
  }
  read_tokens(*window_.segment, window_.begins.front(),
              window_.begins.back() - window_.begins.front(), window_.tokens);
}

}  // namespace bertyard
