// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "tests/core/backend/host_tensors.h"

namespace bertyard::testing {
namespace {

class CpuThreads : public CpuOpsTest {};
INSTANTIATE_TEST_SUITE_P(Isa, CpuThreads, instruction_sets(), instruction_set_name);

// What every operation that is our own computes with a number of threads; matrix products are a
// library's, whose bits may depend on it.
std::vector<std::vector<float>> results(int threads, const std::string& instruction_set) {
  const auto device = make_cpu_device({.threads = threads, .instruction_set = instruction_set});
  LayerOps& ops = device->layer_ops();
  const TokenTags tags({100, 33, 129, 5});
  const std::int64_t tokens = tags.tokens(), hidden = 96, heads = 4;
  ops.reserve({.tokens = tokens,
               .masked = 8,
               .sequences = 4,
               .max_length = 129,
               .hidden = hidden,
               .heads = heads,
               .intermediate = 96,
               .vocab_size = 8});
  const PackedSequences packing = {view_of(std::span(std::as_const(tags.offsets))), 129, {}};
  const Dropout probability = tags.dropout(0.1, DropoutSite::attention_probability);
  const Dropout output = tags.dropout(0.1, DropoutSite::attention_output);
  const HostTensor qkv = random_tensor({tokens, 3 * hidden}, 1), gamma = random_tensor({hidden}, 2);
  const HostTensor dy = random_tensor({tokens, hidden}, 3);
  HostTensor y({tokens, hidden}), log_sum({tokens, heads}), dqkv({tokens, 3 * hidden});
  HostTensor z({tokens, hidden}), normalised({tokens, hidden}), rstd({tokens});
  HostTensor dx({tokens, hidden}), dresidual({tokens, hidden}), dgamma({hidden}), dbeta({hidden});
  HostTensor dw({hidden, hidden}), dbias({hidden}), loss({tokens}), correct({tokens});
  const std::vector<std::int32_t> labels(static_cast<std::size_t>(tokens), 5);
  HostTensor dlogits = dy;

  ops.attention(y.view(), log_sum.view(), qkv.read(), heads, packing, probability);
  ops.attention_backward(
      dqkv.view(), {dy.read(), y.read(), log_sum.read(), qkv.read(), heads, packing, probability});
  const NormParameters norm = {gamma.read(), gamma.read()};
  const NormSaved saved = {normalised.view(), rstd.view()};
  ops.add_norm(z.view(), saved, y.read(), dy.read(), norm, output);
  ops.add_norm_backward(dx.view(), dresidual.view(), {dgamma.view(), dbeta.view()}, dy.read(), norm,
                        saved, output);
  ops.linear_backward_weight(dw.view(), dbias.view(), dx.read(), y.read());
  ops.scatter_add_rows(dresidual.view(), dx.read(), view_of(std::span(labels)));
  ops.cross_entropy_gradient(loss.view(), correct.view(), dlogits.view(),
                             view_of(std::span(labels)), HostTensor({1}, 0.1f).read());
  return {y.values,     dqkv.values,  z.values,         dx.values,   dgamma.values,
          dbeta.values, dbias.values, dresidual.values, loss.values, dlogits.values};
}

TEST_P(CpuThreads, OurKernelsGiveTheSameBitsForAnyNumberOfThreads) {
  const auto one = results(1, GetParam());

  EXPECT_EQ(one, results(2, GetParam()));
  EXPECT_EQ(one, results(5, GetParam()));
}

}  // namespace
}  // namespace bertyard::testing
