// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "data/prepare/prepare.h"
#include "data/tokenizer/vocabulary.h"
#include "launch/config/run_config.h"

namespace bertyard {

// What `prepare` says at its end, on standard output.
void print_prepare_report(const PrepareReport& report, double seconds);

// Notes what repeated_paths() found in `corpus.text`.
void print_repeated_texts(std::span<const std::string> repeated);

// The first `count` samples for people, with masks as training would draw them in its first epoch.
void print_samples(const RunConfig& config, const Vocabulary& vocabulary,
                   const PrepareReport& report, std::uint64_t count);

}  // namespace bertyard
