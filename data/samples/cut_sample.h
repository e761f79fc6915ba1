// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "data/samples/sample_source.h"

namespace bertyard {

// Cuts a sample to `max_length` tokens and keeps its form, [CLS] A [SEP] B [SEP] or [CLS] A [SEP]:
// the longer segment loses its last token until it fits, of two equal ones B does (Google's rule
// without its draws). Happens before masks are drawn; stored masks on lost tokens are lost too.
void cut_sample(StoredSample& sample, std::int64_t max_length);

}  // namespace bertyard
