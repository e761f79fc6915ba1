// SPDX-License-Identifier: Apache-2.0
#include <cstring>

#include <fmt/format.h>
#include <omp.h>

#include "core/backend/cpu/cpu_layer_ops.h"
#include "core/backend/cpu/tensor_checks.h"
#include "core/base/error.h"

namespace bertyard {

// One attention of a whole batch, forward or backward; absent views are not computed.
struct CpuLayerOps::AttentionCall {
  std::string_view operation;
  ConstTensorView qkv;
  std::int64_t heads = 0;
  const PackedSequences& packing;
  const Dropout& dropout;
  // Forward.
  TensorView y = {};
  TensorView log_sum = {};
  TensorView scores = {};
  // Backward, which it is where dqkv is present.
  ConstTensorView dy = {};
  ConstTensorView saved_y = {};
  ConstTensorView saved_log_sum = {};
  ConstTensorView dscores = {};
  TensorView dqkv = {};
};

namespace {

std::int64_t square(std::int64_t n) {
  return n * n;
}

// Sequence lengths from the offsets, checked; the sum of their squares is returned.
std::int64_t check_packing(std::string_view operation, const PackedSequences& packing,
                           std::int64_t tokens) {
  const std::int64_t entries = packing.offsets.elements();
  check_tensor({operation, "offsets"}, packing.offsets, DType::i32, {entries});
  const auto* offsets = packing.offsets.as<std::int32_t>();
  if (entries < 1 || offsets[0] != 0 || offsets[entries - 1] > tokens) {
    throw Error(fmt::format("{}: offsets must rise from 0 to at most the {} tokens of qkv",
                            operation, tokens));
  }
  std::int64_t squares = 0;
  for (std::int64_t n = 0; n + 1 < entries; ++n) {
    const std::int64_t length = offsets[n + 1] - offsets[n];
    if (length < 0 || length > packing.max_length) {
      throw Error(fmt::format("{}: sequence {} has {} tokens, expected 0 to max_length {}",
                              operation, n, length, packing.max_length));
    }
    squares += square(length);
  }
  if (packing.key_mask.present()) {
    check_tensor({operation, "key_mask"}, packing.key_mask, DType::u8, {tokens});
  }
  return squares;
}

// A query's draws are indexed by the keys' positions; the kernels count these up from the first.
void check_positions(std::string_view operation, const PackedSequences& packing,
                     const std::int32_t* position) {
  const auto offsets = packing.offsets.span<std::int32_t>();
  for (std::size_t n = 0; n + 1 < offsets.size(); ++n) {
    for (std::int32_t t = offsets[n] + 1; t < offsets[n + 1]; ++t) {
      if (position[t] != position[t - 1] + 1) {
        throw Error(
            fmt::format("{}: with dropout, positions must rise by one within a sequence; "
                        "token {} has {} after {}",
                        operation, t, position[t], position[t - 1]));
      }
    }
  }
}

// Where the `offset`-th of a tensor's elements lies; null for an absent one.
template <typename Element, typename View>
Element* pointer(const View& view, std::int64_t offset) {
  return view.present() ? static_cast<Element*>(view.data()) + offset : nullptr;
}

// Rows that belong to no sequence.
void clear_filler(const TensorView& rows, std::int64_t first) {
  if (!rows.present() || first == rows.rows()) return;
  const TensorView filler = rows.slice(first, rows.rows() - first);
  std::memset(filler.data(), 0, filler.bytes());
}

}  // namespace

void CpuLayerOps::check_attention(const AttentionCall& call) {
  const std::string_view operation = call.operation;
  check_rank({operation, "qkv"}, call.qkv, 2);
  const std::int64_t tokens = call.qkv.rows();
  const std::int64_t hidden = call.qkv.shape()[1] / 3;
  if (call.heads < 1 || call.qkv.shape()[1] % 3 != 0 || hidden % call.heads != 0) {
    throw Error(fmt::format("{}: qkv must be [T, 3 A D] with A = {} heads, found {}", operation,
                            call.heads, to_string(call.qkv.shape())));
  }
  const Shape wide = {tokens, 3 * hidden};
  const Shape narrow = {tokens, hidden};
  const Shape statistics = {tokens, call.heads};
  const DType type = call.qkv.dtype();
  check_activation({operation, "qkv"}, call.qkv, type, wide);
  const std::int64_t squares = check_packing(operation, call.packing, tokens);
  check_optional_f32({operation, "log_sum"}, call.log_sum, statistics);
  if (call.scores.present())
    check_elements({operation, "scores"}, call.scores, squares * call.heads);
  if (!call.dqkv.present()) return check_activation({operation, "y"}, call.y, type, narrow);
  check_activation({operation, "dqkv"}, call.dqkv, type, wide);
  check_activation({operation, "dy"}, call.dy, type, narrow);
  check_activation({operation, "y"}, call.saved_y, type, narrow);
  check_f32({operation, "log_sum"}, call.saved_log_sum, statistics);
  if (call.dscores.present())
    check_elements({operation, "dscores"}, call.dscores, squares * call.heads);
}

// The view of one head of one sequence.
template <typename Element>
AttentionHead<Element> CpuLayerOps::head_of(const AttentionCall& call, std::int64_t sequence,
                                            std::int64_t head) {
  const std::int64_t width = call.qkv.shape()[1];
  const std::int64_t hidden = width / 3;
  const auto* offsets = call.packing.offsets.as<std::int32_t>();
  const std::int64_t first = offsets[sequence];
  AttentionHead<Element> result;
  result.length = offsets[sequence + 1] - first;
  result.head_size = hidden / call.heads;
  result.stride = width;
  result.output_stride = hidden;
  const std::int64_t in_row = head * result.head_size;
  result.q = pointer<const Element>(call.qkv, first * width + in_row);
  result.k = result.q + hidden;
  result.v = result.k + hidden;
  result.key_mask = pointer<const std::uint8_t>(call.packing.key_mask, first);
  result.causal = call.packing.causal;
  result.log_sum_stride = call.heads;
  const std::int64_t statistic = first * call.heads + head;
  result.log_sum = pointer<float>(call.log_sum, statistic);
  result.saved_log_sum = pointer<const float>(call.saved_log_sum, statistic);
  const std::int64_t output = first * hidden + in_row;
  result.y = pointer<Element>(call.y, output);
  result.dy = pointer<const Element>(call.dy, output);
  result.saved_y = pointer<const Element>(call.saved_y, output);
  result.dq = pointer<Element>(call.dqkv, first * width + in_row);
  if (result.dq != nullptr) {
    result.dk = result.dq + hidden;
    result.dv = result.dk + hidden;
  }
  if (!call.scores.present() && !call.dscores.present()) return result;
  std::int64_t score = head * square(result.length);
  for (std::int64_t n = 0; n < sequence; ++n) {
    score += call.heads * square(offsets[n + 1] - offsets[n]);
  }
  result.scores = pointer<float>(call.scores, score);
  result.dscores = pointer<const float>(call.dscores, score);
  return result;
}

void CpuLayerOps::run_heads(const AttentionCall& call) {
  check_attention(call);
  const AttentionKernels& kernels = kernels_.attention;
  const bool backward = call.dqkv.present();
  if (call.qkv.dtype() == DType::bf16) {
    run_heads_of(call, backward ? kernels.backward_narrow : kernels.forward_narrow);
  } else {
    run_heads_of(call, backward ? kernels.backward : kernels.forward);
  }
}

// Each task writes its own output, so the order in which threads take them changes no bit.
template <typename Element>
void CpuLayerOps::run_heads_of(const AttentionCall& call,
                               void (*kernel)(const AttentionHead<Element>& head)) {
  const DropoutRows decisions(call.operation, call.dropout, call.qkv.rows());
  if (decisions.active()) check_positions(call.operation, call.packing, decisions.position());
  const auto* offsets = call.packing.offsets.as<std::int32_t>();
  const std::int64_t sequences = call.packing.offsets.elements() - 1;
  const std::int64_t tasks = sequences * call.heads;
  for (const TensorView& rows : {call.y, call.log_sum, call.dqkv}) {
    clear_filler(rows, offsets[sequences]);
  }
  float* scratch = workspace_.attention(call.operation, call.packing.max_length,
                                        call.qkv.shape()[1] / 3 / call.heads);
  const std::int64_t stride = workspace_.attention_stride();
#pragma omp parallel for num_threads(threads_) schedule(dynamic)
  for (std::int64_t task = 0; task < tasks; ++task) {
    auto head = head_of<Element>(call, task / call.heads, task % call.heads);
    if (head.length == 0) continue;
    head.scratch = scratch + omp_get_thread_num() * stride;
    if (decisions.active()) {
      const std::int64_t first = offsets[task / call.heads];
      head.dropout = decisions.row(first);
      head.dropout.first_block = static_cast<std::uint32_t>(task % call.heads) << 16;
      head.sample = decisions.sample() + first;
      head.position = decisions.position()[first];
    }
    kernel(head);
  }
}

void CpuLayerOps::attention(TensorView y, TensorView log_sum, ConstTensorView qkv,
                            std::int64_t heads, const PackedSequences& packing,
                            const Dropout& dropout) {
  run_heads({.operation = "attention",
             .qkv = qkv,
             .heads = heads,
             .packing = packing,
             .dropout = dropout,
             .y = y,
             .log_sum = log_sum});
}

void CpuLayerOps::attention_backward(TensorView dqkv, const AttentionBackward& input) {
  attention_with_scores_backward(dqkv, {}, input);
}

void CpuLayerOps::attention_with_scores(TensorView y, TensorView log_sum, TensorView scores,
                                        ConstTensorView qkv, std::int64_t heads,
                                        const PackedSequences& packing, const Dropout& dropout) {
  run_heads({.operation = "attention_with_scores",
             .qkv = qkv,
             .heads = heads,
             .packing = packing,
             .dropout = dropout,
             .y = y,
             .log_sum = log_sum,
             .scores = scores});
}

void CpuLayerOps::attention_with_scores_backward(TensorView dqkv, ConstTensorView dscores,
                                                 const AttentionBackward& input) {
  run_heads({.operation = "attention_backward",
             .qkv = input.qkv,
             .heads = input.heads,
             .packing = input.packing,
             .dropout = input.dropout,
             .dy = input.dy,
             .saved_y = input.y,
             .saved_log_sum = input.log_sum,
             .dscores = dscores,
             .dqkv = dqkv});
}

}  // namespace bertyard
