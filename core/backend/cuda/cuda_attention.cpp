// SPDX-License-Identifier: Apache-2.0
#include "core/backend/cuda/cuda_attention.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "core/backend/cuda/attention_kernels.h"
#include "core/base/error.h"

namespace bertyard {
namespace {

// The longest sequence the tensor-core kernels are made for.
constexpr std::int64_t kTileLength = 512;

std::string description(const ConstTensorView& view) {
  if (!view.present()) return "nothing";
  return fmt::format("{} {}", name_of(view.dtype()), to_string(view.shape()));
}

// Names an operation's argument.
struct Checks {
  std::string_view operation;

  void fits(std::string_view name, const ConstTensorView& found, DType type,
            const Shape& shape) const {
    const bool absent = !found.present() && shape.elements() > 0;
    if (absent || found.dtype() != type || found.shape() != shape) {
      throw Error(fmt::format("{}: {} must be {} {}, found {}", operation, name, name_of(type),
                              to_string(shape), description(found)));
    }
  }
  void fits_where_present(std::string_view name, const ConstTensorView& found, DType type,
                          const Shape& shape) const {
    if (found.present()) fits(name, found, type, shape);
  }
};

AttentionDropout dropout_arguments(const Checks& check, const Dropout& dropout,
                                   std::int64_t tokens) {
  AttentionDropout result;
  if (dropout.probability == 0) return result;
  constexpr double kDraws = 65536;
  const double threshold = std::round(kDraws * dropout.probability);
  if (!(dropout.probability > 0 && threshold < kDraws)) {
    throw Error(fmt::format("{}: the dropout probability must be at least 0 and below 1, found {}",
                            check.operation, dropout.probability));
  }
  check.fits("dropout.sample", dropout.sample, DType::u64, {tokens});
  check.fits("dropout.position", dropout.position, DType::i32, {tokens});
  result.key = philox_key(dropout.seed);
  result.layer_and_site = dropout.layer << 8 | static_cast<std::uint32_t>(dropout.site);
  result.threshold = static_cast<std::uint32_t>(threshold);
  result.scale = static_cast<float>(1.0 / (1.0 - threshold / kDraws));
  result.sample = dropout.sample.as<std::uint64_t>();
  result.position = dropout.position.as<std::int32_t>();
  return result;
}

// What forward and backward have in common.
AttentionArguments arguments_of(const Checks& check, const ConstTensorView& qkv, std::int64_t heads,
                                const PackedSequences& packing, const Dropout& dropout) {
  const bool matrix = qkv.shape().rank() == 2;
  if (!matrix || heads < 1 || qkv.shape()[1] % (3 * heads) != 0) {
    throw Error(fmt::format("{}: qkv must be [T, 3 A D] with A = {} heads, found {}",
                            check.operation, heads, description(qkv)));
  }
  const std::int64_t tokens = qkv.rows();
  const std::int64_t entries = packing.offsets.elements();
  check.fits("offsets", packing.offsets, DType::i32, {entries});
  if (entries < 1 || packing.max_length < 0) {
    throw Error(
        fmt::format("{}: expected the offsets of the sequences and their greatest length, "
                    "found {} offsets and {}",
                    check.operation, entries, packing.max_length));
  }
  check.fits_where_present("key_mask", packing.key_mask, DType::u8, {tokens});
  AttentionArguments result;
  result.qkv = qkv.data();
  result.offsets = packing.offsets.as<std::int32_t>();
  if (packing.key_mask.present()) result.key_mask = packing.key_mask.as<std::uint8_t>();
  result.tokens = static_cast<int>(tokens);
  result.sequences = static_cast<int>(entries - 1);
  result.heads = static_cast<int>(heads);
  result.head_size = static_cast<int>(qkv.shape()[1] / 3 / heads);
  result.max_length = static_cast<int>(packing.max_length);
  result.causal = packing.causal;
  result.dropout = dropout_arguments(check, dropout, tokens);
  return result;
}

template <typename T>
T* data_of(const TensorView& view) {
  return view.present() ? view.as<T>() : nullptr;
}
template <typename T>
const T* data_of(const ConstTensorView& view) {
  return view.present() ? view.as<T>() : nullptr;
}

bool aligned(const void* data) {
  return reinterpret_cast<std::uintptr_t>(data) % 16 == 0;
}

CudaAttention::Sizes sizes_of(const AttentionArguments& arguments, DType type, AttentionPass pass) {
  return {.type = type,
          .pass = pass,
          .head_size = arguments.head_size,
          .max_length = arguments.max_length,
          .key_mask = arguments.key_mask != nullptr,
          .scores = arguments.scores != nullptr || arguments.dscores != nullptr,
          .aligned = aligned(arguments.qkv) && aligned(arguments.y) && aligned(arguments.dy) &&
                     aligned(arguments.saved_y) && aligned(arguments.dqkv)};
}

}  // namespace

std::string_view name_of(AttentionKernel kernel) {
  switch (kernel) {
    case AttentionKernel::automatic:
      return "automatic";
    case AttentionKernel::tensor_cores:
      return "tensor_cores";
    default:
      return "generic";
  }
}

std::string CudaAttention::obstacle(const Sizes& sizes) const {
  if (sizes.type != DType::bf16 && sizes.type != DType::f16) {
    return fmt::format("are for bf16 and f16, found {}", name_of(sizes.type));
  }
  if (sizes.head_size != kTileHeadSize) {
    return fmt::format("are for heads of {}, found {}", kTileHeadSize, sizes.head_size);
  }
  if (sizes.key_mask) return "take no key mask";
  if (sizes.scores) return "do not give scores";
  if (!sizes.aligned) return "take tensors at multiples of 16 bytes";
  if (sizes.max_length > kTileLength) {
    return fmt::format("are for sequences of up to {} tokens, found {}", kTileLength,
                       sizes.max_length);
  }
  const int length = static_cast<int>(sizes.max_length);
  const std::size_t needed = sizes.pass == AttentionPass::forward
                                 ? attention_tile_forward_shared_bytes(length)
                                 : attention_tile_backward_shared_bytes(length);
  if (needed > static_cast<std::size_t>(shared_bytes_)) {
    return fmt::format(
        "need {} bytes of shared memory for sequences of {} tokens, this device has "
        "{}",
        needed, sizes.max_length, shared_bytes_);
  }
  return {};
}

AttentionKernel CudaAttention::kernel_for(const Sizes& sizes) const {
  if (kernel_ == AttentionKernel::generic) return kernel_;
  const std::string reason = obstacle(sizes);
  if (reason.empty()) return AttentionKernel::tensor_cores;
  if (kernel_ == AttentionKernel::tensor_cores) {
    throw Error(
        fmt::format("attention: the tensor_cores kernels {}; choose automatic or generic", reason));
  }
  if (sizes.head_size > kGenericHeadSize) {
    throw Error(fmt::format("attention: heads of up to {} on a GPU, found {}", kGenericHeadSize,
                            sizes.head_size));
  }
  return AttentionKernel::generic;
}

void CudaAttention::forward(const Forward& call) const {
  const Checks check{call.scores.present() ? "attention_with_scores" : "attention"};
  AttentionArguments arguments =
      arguments_of(check, call.qkv, call.heads, call.packing, call.dropout);
  const std::int64_t tokens = call.qkv.rows();
  const DType type = call.qkv.dtype();
  check.fits("y", call.y, type, {tokens, arguments.hidden()});
  check.fits_where_present("log_sum", call.log_sum, DType::f32, {tokens, call.heads});
  arguments.y = call.y.data();
  arguments.log_sum = data_of<float>(call.log_sum);
  arguments.scores = data_of<float>(call.scores);
  const AttentionKernel kernel = kernel_for(sizes_of(arguments, type, AttentionPass::forward));
  if (tokens == 0) return;
  if (kernel == AttentionKernel::tensor_cores) {
    attention_tile_forward(type, arguments, stream_);
  } else {
    attention_generic_forward(type, arguments, stream_);
  }
}

void CudaAttention::backward(TensorView dqkv, ConstTensorView dscores,
                             const LayerOps::AttentionBackward& call) const {
  const Checks check{"attention_backward"};
  AttentionArguments arguments =
      arguments_of(check, call.qkv, call.heads, call.packing, call.dropout);
  const std::int64_t tokens = call.qkv.rows();
  const DType type = call.qkv.dtype();
  check.fits("dqkv", dqkv, type, call.qkv.shape());
  check.fits("dy", call.dy, type, {tokens, arguments.hidden()});
  check.fits("y", call.y, type, {tokens, arguments.hidden()});
  check.fits("log_sum", call.log_sum, DType::f32, {tokens, call.heads});
  arguments.dy = call.dy.data();
  arguments.saved_y = call.y.data();
  arguments.saved_log_sum = call.log_sum.as<float>();
  arguments.dscores = data_of<float>(dscores);
  arguments.dqkv = dqkv.data();
  const AttentionKernel kernel = kernel_for(sizes_of(arguments, type, AttentionPass::backward));
  if (tokens == 0) return;
  if (kernel == AttentionKernel::tensor_cores) {
    attention_tile_backward(type, arguments, stream_);
  } else {
    attention_generic_backward(type, arguments, stream_);
  }
}

}  // namespace bertyard
