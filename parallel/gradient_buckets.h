// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "core/nn/parameters.h"
#include "parallel/communicator.h"

namespace bertyard {

// Sums a step's gradients over the ranks while backward still runs. The flat gradient buffer is cut
// at parameter boundaries into contiguous buckets, in the order in which backward finishes them;
// the last parameter, the tied embedding, has a bucket of its own. Used in the last micro-batch of
// a step only; before that gradients accumulate without communication. Borrows all it is given.
class GradientBuckets {
 public:
  struct Bucket {
    std::int64_t first = 0;  // element of the flat buffer
    std::int64_t count = 0;
  };

  // `gradients`: [store.flat_elements()], gaps zero. A bucket is closed by the parameter that
  // brings it to `bucket_bytes`. Throws Error when the sizes do not fit.
  GradientBuckets(Communicator& communicator, const ParameterStore& store, TensorView gradients,
                  std::int64_t bucket_bytes);

  const std::vector<Bucket>& buckets() const { return buckets_; }

  // Backward is done with the elements before `offset`: starts to sum the buckets that end there or
  // earlier. An offset below an earlier one changes nothing.
  void gradients_ready_up_to(std::int64_t offset);
  // Starts what has not been started and waits for everything: `gradients` then holds the sums, the
  // same bits on every rank however the buckets were announced. Ready for the next step.
  void wait();

 private:
  Communicator& communicator_;
  TensorView gradients_;
  std::vector<Bucket> buckets_;
  std::vector<Pending> pending_;  // of the buckets started, in order
};

}  // namespace bertyard
