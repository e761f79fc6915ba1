// SPDX-License-Identifier: Apache-2.0
#include "launch/run/gpu_choice.h"

#include <gtest/gtest.h>

#include "core/base/error.h"

namespace bertyard {
namespace {

using Seen = std::vector<std::vector<std::string>>;

std::vector<int> choices(const Seen& seen, GpuSharing sharing = GpuSharing::no) {
  std::vector<int> chosen;
  for (int rank = 0; rank < static_cast<int>(seen.size()); ++rank) {
    chosen.push_back(gpu_of_rank(seen, rank, sharing));
  }
  return chosen;
}

std::string refusal(const Seen& seen, int rank) {
  try {
    gpu_of_rank(seen, rank, GpuSharing::no);
  } catch (const EnvironmentError& error) {
    return error.what();
  }
  return "nothing was refused";
}

TEST(GpuChoice, RanksThatSeeTheSameGpusTakeThemInTurn) {
  EXPECT_EQ(choices({{"a", "b", "c"}, {"a", "b", "c"}}), (std::vector{0, 1}));
}

// As SLURM does with --gpus-per-task=1, and wrappers that set CUDA_VISIBLE_DEVICES.
TEST(GpuChoice, TheLaunchersOwnChoiceIsTaken) {
  EXPECT_EQ(choices({{"a"}, {"b"}, {"c"}}), (std::vector{0, 0, 0}));
  EXPECT_EQ(choices({{"a", "b"}, {"b", "a"}}), (std::vector{0, 0}));
  EXPECT_EQ(choices({{"a", "b"}, {"a", "b"}, {"c", "d"}, {"c", "d"}}), (std::vector{0, 1, 0, 1}));
}

TEST(GpuChoice, RanksMayShare) {
  EXPECT_EQ(choices({{"a", "b"}, {"a", "b"}, {"a", "b"}}, GpuSharing::yes), (std::vector{0, 1, 0}));
  EXPECT_EQ(choices({{"a"}, {"a"}}, GpuSharing::yes), (std::vector{0, 0}));
}

TEST(GpuChoice, WithoutGpusThereIsNothingToChoose) {
  EXPECT_EQ(choices({{}, {}}), (std::vector{0, 0}));
  EXPECT_EQ(choices({{}, {}}, GpuSharing::yes), (std::vector{0, 0}));
}

TEST(GpuChoice, TooFewAndTheSameTwiceAreRefused) {
  EXPECT_EQ(refusal({{"a"}, {"a"}}, 1),
            "rank 1 of this node wants GPU 1, and the node has 1 (numbered from 0); start one rank "
            "for each GPU, or set parallel.comm to host so that ranks share them");
  EXPECT_EQ(refusal({{"a", "b"}, {"a"}}, 0),
            "ranks 0 and 1 of this node have both been given the GPU a; start one rank for each "
            "GPU, or set parallel.comm to host so that ranks share them");
  EXPECT_EQ(refusal({{"a", "b"}, {"a"}}, 1), refusal({{"a", "b"}, {"a"}}, 0));
}

}  // namespace
}  // namespace bertyard
