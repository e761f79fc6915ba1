// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include <fmt/format.h>

#include "data/samples/masking.h"
#include "data/shards/verify_samples.h"

namespace bertyard {
namespace {

constexpr double kSigmas = 5;           // one false alarm in 1.7 million
constexpr std::uint64_t kFewest = 200;  // of which a share says anything
constexpr double kOddUnknownShare = 0.05;
constexpr double kFewestUnsaid =
    1000;  // masks, found or expected, where the settings are not known

double percent_of(double part, double whole) {
  return whole == 0 ? 0 : 100 * part / whole;
}

// Compares a share with its expectation; `spread` is the sum of squared cluster sizes.
void judge_share(VerifyReport& report, const char* what, double found, double expected,
                 double spread) {
  const auto masked = static_cast<double>(report.statistics.masked);
  const double sigma = std::sqrt(expected * (1 - expected) * spread);
  // A random entry is [MASK], or the token itself, once in so many.
  const double slack = 1 + masked / report.parameters->vocabulary_size;
  if (std::abs(found - expected * masked) <= kSigmas * sigma + slack) return;
  report.findings.add(fmt::format(
      "{}: {:.2f}% of the masked tokens are {}, the settings say {:.2f}%: off by {:.0f} sigma",
      report.path, percent_of(found, masked), what, 100 * expected,
      std::abs(found - expected * masked) / std::max(sigma, 1.0)));
}

// What BERT does, and how far from it nobody is told.
struct UsualShare {
  double usual;
  double least;
  double most;
};

void judge_usual(VerifyReport& report, const char* what, double share, const UsualShare& of) {
  if (share >= of.least && share <= of.most) return;
  report.findings.add(fmt::format(
      "{}: {:.1f}% {}, BERT's default is {:.0f}%; the file does not say what it was made with: if "
      "that was the setting, nothing is wrong",
      report.path, 100 * share, what, 100 * of.usual));
}

// Of other programs' files, and what was converted from them.
void judge_unsaid_masks(VerifyReport& report, const Vocabulary* vocabulary) {
  constexpr UsualShare kRate{0.15, 0.075, 0.3};
  constexpr UsualShare kReplaced{0.8, 0.6, 0.95};
  constexpr UsualShare kRandomOrKept{0.1, 0.03, 0.25};
  const SampleStatistics& counts = report.statistics;
  const auto masked = static_cast<double>(counts.masked);
  const auto tokens = static_cast<double>(counts.tokens);
  if (kRate.usual * tokens >= kFewestUnsaid) {
    judge_usual(report, "of the tokens are masked", masked / tokens, kRate);
  }
  const auto mask = counts.mask_id(vocabulary);
  if (masked < kFewestUnsaid || !mask) return;
  const auto replaced = static_cast<double>(counts.replaced_by(*mask));
  const auto kept = static_cast<double>(counts.kept);
  judge_usual(report, "of the masked tokens are [MASK]", replaced / masked, kReplaced);
  judge_usual(report, "of the masked tokens are random", (masked - replaced - kept) / masked,
              kRandomOrKept);
  judge_usual(report, "of the masked tokens are kept", kept / masked, kRandomOrKept);
}

void judge_masks(VerifyReport& report, const Vocabulary* vocabulary) {
  if (!report.parameters || !report.parameters->converted_from.empty()) {
    return judge_unsaid_masks(report, vocabulary);
  }
  const SampleStatistics& counts = report.statistics;
  const auto mask = counts.mask_id(vocabulary);
  if (!mask || counts.masked < kFewest) return;
  const MaskOptions& options = report.parameters->mask;
  const double spread =
      static_cast<double>(options.unit == MaskUnit::span ? counts.squared_runs : counts.masked);
  judge_share(report, "[MASK]", static_cast<double>(counts.replaced_by(*mask)), options.replace,
              spread);
  judge_share(report, "kept", static_cast<double>(counts.kept), options.keep, spread);
}

void judge_pairs(VerifyReport& report) {
  const SampleStatistics& counts = report.statistics;
  if (!has_sentence_pairs(report.next_sentence) || counts.samples < kFewest) return;
  const auto samples = static_cast<double>(counts.samples);
  const auto random = static_cast<double>(counts.random_next);
  const double tolerance = kSigmas * std::sqrt(samples / 4);
  if (report.next_sentence == NextSentence::sop && std::abs(random - samples / 2) > tolerance) {
    report.findings.add(fmt::format("{}: {:.1f}% of the pairs are swapped, expected half",
                                    report.path, percent_of(random, samples)));
  }
  if (report.next_sentence != NextSentence::nsp) return;
  // A chunk of one sentence always gets a random B: more than half is usual, all of them is not.
  if (random < samples / 2 - tolerance) {
    const std::string text =
        fmt::format("{}: {:.1f}% of the pairs have a random B, expected half or more", report.path,
                    percent_of(random, samples));
    // Another program's file does not say whether its labels are NSP's.
    if (report.parameters) {
      report.findings.add(text);
    } else {
      report.warnings.push_back(text + ", if its labels are those of next sentences");
    }
  }
  if (counts.random_next == counts.samples) {
    report.findings.add(fmt::format(
        "{}: every pair has a random B, so there is nothing to learn from the label; was every "
        "document one sentence? Check corpus.layout",
        report.path));
  }
}

void judge_unknown(VerifyReport& report, const Vocabulary* vocabulary) {
  const SampleStatistics& counts = report.statistics;
  if (vocabulary == nullptr || counts.tokens == 0) return;
  const double share = static_cast<double>(counts.unknown) / static_cast<double>(counts.tokens);
  if (share < kOddUnknownShare) return;
  report.warnings.push_back(fmt::format(
      "{}: {:.1f}% of the tokens are [UNK]: does the vocabulary, and tokenizer.lower_case, fit the "
      "text?",
      report.path, 100 * share));
}

}  // namespace

void judge_statistics(VerifyReport& report, const Vocabulary* vocabulary) {
  if (report.masks == MaskTime::prepare) judge_masks(report, vocabulary);
  judge_pairs(report);
  judge_unknown(report, vocabulary);
}

}  // namespace bertyard
