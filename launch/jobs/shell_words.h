// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bertyard {

// One word of a POSIX shell that stands for `text` as it is: plain where that is safe, else in
// single quotes.
std::string shell_word(std::string_view text);
std::string shell_words(const std::vector<std::string>& texts);

// The same for a line that begins with #SBATCH, which sbatch reads by rules of its own: variables
// are never expanded, and within double quotes a backslash keeps the next character.
std::string sbatch_word(std::string_view text);
// A directory in which sbatch replaces nothing by the job's id, its % being doubled, and a name
// `pattern` below it in which it does. UsageError where a backslash would end all replacing.
std::string sbatch_path(std::string_view directory, std::string_view pattern);

// UsageError naming `what` when `text` has a line break or another control character: in a script
// it would become another line.
void require_one_line(std::string_view what, std::string_view text);

}  // namespace bertyard
