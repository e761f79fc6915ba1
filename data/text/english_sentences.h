// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string_view>

namespace bertyard {

// Where the first sentence of an English paragraph ends, in bytes: behind its full stop and the
// quotes and brackets that close after it; the size of the text where it is all one sentence.
//
// A sentence ends at . ! ? or an ellipsis that white space follows, then anything but a lower-case
// word or a dash. A full stop does not end it after a title, an initial or another abbreviation,
// unless that may end a sentence and the next word is one that begins sentences ("the U.S. It");
// nor after the number of a list item.
std::size_t english_sentence_end(std::string_view text);

}  // namespace bertyard
