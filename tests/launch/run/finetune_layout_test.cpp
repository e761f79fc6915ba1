// SPDX-License-Identifier: Apache-2.0
#include "launch/run/finetune_layout.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "tests/support/test_data.h"

namespace bertyard {
namespace {

TEST(FinetuneLayout, ACellIsKnownByItsName) {
  const FinetuneCell cell{5e-5, 32, 2.5, 42};

  const auto read = cell_of_name(cell.name());

  ASSERT_TRUE(read);
  EXPECT_EQ(cell.name(), "lr-5e-05_batch-32_epochs-2.5_seed-42");
  EXPECT_EQ(read->learning_rate, 5e-5);
  EXPECT_EQ(read->batch, 32);
  EXPECT_EQ(read->epochs, 2.5);
  EXPECT_EQ(read->seed, 42);
  for (const char* other : {"best", "lr-5e-05_batch-32_epochs-3_seed-42.old", "lr-5e-5_batch-32",
                            "lr-0.00005_batch-32_epochs-3_seed-42", ""}) {
    EXPECT_FALSE(cell_of_name(other)) << other;
  }
}

TEST(FinetuneLayout, CellsAreListedByTheirNumbers) {
  const testing::TemporaryDirectory directory;
  for (const char* name :
       {"lr-0.001_batch-8_epochs-3_seed-10", "lr-0.001_batch-8_epochs-3_seed-9",
        "lr-2e-05_batch-8_epochs-3_seed-1", "lr-0.001_batch-16_epochs-3_seed-1", "best"}) {
    std::filesystem::create_directories(directory / name);
  }
  std::ofstream(directory / "lr-1_batch-8_epochs-3_seed-1") << "a file";

  std::string names;
  for (const CellDirectory& cell : list_cells(directory.path())) {
    names += cell.path.filename().string() + " ";
    EXPECT_TRUE(cell_of_directory(cell.path / ""));
  }

  EXPECT_EQ(names,
            "lr-2e-05_batch-8_epochs-3_seed-1 lr-0.001_batch-8_epochs-3_seed-9 "
            "lr-0.001_batch-8_epochs-3_seed-10 lr-0.001_batch-16_epochs-3_seed-1 ");
  EXPECT_TRUE(list_cells(directory / "best").empty());
  EXPECT_TRUE(list_cells(directory / "absent").empty());
}

}  // namespace
}  // namespace bertyard
