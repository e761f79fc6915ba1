// SPDX-License-Identifier: Apache-2.0
// The whole path from text to losses against stored numbers: any unintended change of tokenizer,
// sample builder, masks, sample order, initialisation, model, optimizer or schedule shows here.
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <sstream>

#include "tests/launch/run_fixture.h"

namespace bertyard {
namespace {

// Own kernels, and OpenBLAS's of the same generation of processors.
struct Kernels {
  const char* instruction_set;
  const char* openblas;
};

class GoldenTest : public RunTest, public ::testing::WithParamInterface<Kernels> {};

// Lines of "STEP MLM SENTENCE" behind comment lines.
std::vector<LossLine> golden_curve() {
  std::ifstream file(std::string(BERTYARD_SOURCE_DIR) + "/tests/golden/loss_curve.txt");
  std::vector<LossLine> curve;
  for (std::string text; std::getline(file, text);) {
    std::istringstream words(text);
    LossLine line;
    if (words >> line.step >> line.mlm >> line.sentence) curve.push_back(line);
  }
  return curve;
}

// The sets of kernels add in different orders and with or without fused multiplications, so do the
// versions of OpenBLAS. Measured between six pairs of both: at most 3.1e-8 of a loss within the 30
// steps. Small mistakes move a loss by more: weight decay of 0.011 for 0.01 by 4e-6, the other GELU
// by 3e-6, beta2 of 0.9991 for 0.999 by 2e-5, a warm-up longer by one step by 1e-2.
constexpr double kTolerance = 1e-6;

TEST_P(GoldenTest, ThirtyStepsHaveTheStoredLosses) {
  process_options_.environment.push_back(std::string("OPENBLAS_CORETYPE=") + GetParam().openblas);
  const testing::Ended ended =
      train(0, "golden",
            {"schedule.0.until=30 steps", "checkpoint.every=30 steps", "precision=fp32",
             std::string("parallel.instruction_set=") + GetParam().instruction_set});
  if (ended.code == 4) GTEST_SKIP() << ended.errors;
  ASSERT_EQ(ended.code, 0) << ended.errors;

  const std::vector<LossLine> golden = golden_curve();
  const std::vector<LossLine> found = parse_losses(read(run("golden") / "loss.log"));

  ASSERT_EQ(found.size(), 30u);
  ASSERT_EQ(golden.size(), 30u);
  double largest = 0;
  for (std::size_t i = 0; i < golden.size(); ++i) {
    EXPECT_NEAR(found[i].mlm, golden[i].mlm, kTolerance * golden[i].mlm) << "step " << i + 1;
    EXPECT_NEAR(found[i].sentence, golden[i].sentence, kTolerance * golden[i].sentence);
    largest = std::max({largest, relative_difference(found[i].mlm, golden[i].mlm),
                        relative_difference(found[i].sentence, golden[i].sentence)});
  }
  if (HasFailure()) {
    for (const LossLine& line : found) {
      std::printf("%d %.9f %.9f\n", static_cast<int>(line.step), line.mlm, line.sentence);
    }
  }
  std::cout << "largest relative difference: " << largest << "\n";
  EXPECT_LT(found.back().mlm, found.front().mlm - 0.5) << "nothing was learnt";
}

std::string name_of(const ::testing::TestParamInfo<Kernels>& info) {
  return info.param.instruction_set;
}

INSTANTIATE_TEST_SUITE_P(Kernels, GoldenTest,
                         ::testing::Values(Kernels{"avx512", "SkylakeX"},
                                           Kernels{"avx2", "Haswell"},
                                           Kernels{"generic", "Nehalem"}),
                         name_of);

}  // namespace
}  // namespace bertyard
