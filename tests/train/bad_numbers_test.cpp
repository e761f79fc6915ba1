// SPDX-License-Identifier: Apache-2.0
#include "train/bad_numbers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bertyard {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// Places to predict at are told in the sample's own count; two a token where both sides are.
TEST(BadBatch, PredictionsStandWithTheirSequence) {
  Batch batch;
  batch.tokens = {1, 7, 2, 1, 8, 9, 2};
  batch.segments.assign(7, 0);
  batch.cu_seqlens = {0, 3, 7};
  batch.global_indices = {5, 6};
  batch.masked_rows = {1, 4, 5};
  batch.masked_labels = {70, 80, 90};

  EXPECT_THAT(batch_json(batch, 3, 0),
              AllOf(HasSubstr(R"("masked":[[1,70]])"), HasSubstr(R"("masked":[[1,80],[2,90]])")));
  batch.rows_per_token = 2;
  batch.masked_rows = {3, 5, 6, 13};
  batch.masked_labels = {1, 7, 8, 9};
  EXPECT_THAT(batch_json(batch, 3, 0), AllOf(HasSubstr(R"("masked":[[3,1],[5,7]])"),
                                             HasSubstr(R"("masked":[[0,8],[7,9]])")));
}

}  // namespace
}  // namespace bertyard
