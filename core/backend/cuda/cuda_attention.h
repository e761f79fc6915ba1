// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include <cuda_runtime_api.h>

#include "core/backend/layer_ops.h"

namespace bertyard {

// Which kernels compute attention. `automatic` is tensor cores wherever they can.
enum class AttentionKernel { automatic, tensor_cores, generic };
std::string_view name_of(AttentionKernel kernel);

enum class AttentionPass { forward, backward };

// The four attentions of LayerOps on a GPU, on one stream. Offsets are in device memory and not
// looked at; tensors are checked by shape and type.
class CudaAttention {
 public:
  // `shared_bytes` is what a block of this device can have. Where `kernel` is tensor_cores, calls
  // that these cannot compute throw Error.
  CudaAttention(AttentionKernel kernel, int shared_bytes, cudaStream_t stream)
      : kernel_(kernel), shared_bytes_(shared_bytes), stream_(stream) {}

  // `scores` may be absent, and log_sum in evaluation.
  struct Forward {
    TensorView y, log_sum, scores;
    ConstTensorView qkv;
    std::int64_t heads = 0;
    PackedSequences packing;
    Dropout dropout;
  };
  void forward(const Forward& call) const;
  // `dscores` may be absent.
  void backward(TensorView dqkv, ConstTensorView dscores,
                const LayerOps::AttentionBackward& call) const;

  // What a call of these sizes uses: never `automatic`. Backward needs more shared memory, so that
  // long sequences may have tensor cores in forward alone; both kinds agree on what is saved.
  struct Sizes {
    DType type = DType::f32;
    AttentionPass pass = AttentionPass::backward;
    std::int64_t head_size = 0, max_length = 0;
    bool key_mask = false, scores = false;
    bool aligned = true;  // every tensor to 16 bytes
  };
  AttentionKernel kernel_for(const Sizes& sizes) const;

 private:
  // Empty where tensor cores can compute it.
  std::string obstacle(const Sizes& sizes) const;

  AttentionKernel kernel_;
  int shared_bytes_;
  cudaStream_t stream_;
};

}  // namespace bertyard
