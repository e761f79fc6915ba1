// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace bertyard {

// Several hundred sentences in documents, of a small grammar with a long-tailed choice of words: a
// text in which there is something to learn. A pure function of the seed.
std::string made_text(std::uint64_t seed, int documents = 120);

}  // namespace bertyard
