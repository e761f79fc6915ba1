// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "data/samples/sample_builder.h"
#include "data/samples/token_documents.h"

namespace bertyard {

struct FullSentenceOptions {
  std::function<std::size_t()> draw_target;  // tokens of text of the next sample, at least 1
  std::uint32_t cls = 0;                     // id of [CLS]
  std::uint32_t sep = 0;                     // id of [SEP]
};

// RoBERTa's input without next-sentence prediction: [CLS], consecutive whole sentences as long as
// they fit, [SEP]. Samples stay within the document (Liu et al. 2019 call it DOC-SENTENCES and
// found it a little better than crossing): a document's samples then depend on no other, and a
// short sample costs nothing where batches have no padding. A sentence longer than a sample is cut
// into pieces; no token is lost. Each sample has a target of its own: one for a whole book would
// cut all of it into scraps. The sink's argument is reused.
void pack_full_sentences(const TokenDocuments& corpus, std::size_t document,
                         const FullSentenceOptions& options, const SampleBuilder::Sink& sink);

}  // namespace bertyard
