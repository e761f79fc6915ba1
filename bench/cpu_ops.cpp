// SPDX-License-Identifier: Apache-2.0
// The operations of a BERT-Base layer on the CPU at 8 sequences of 128 tokens. On a machine that
// others use, compare process CPU time with OMP_WAIT_POLICY=passive, not wall time.
#include <cmath>
#include <vector>

#include <benchmark/benchmark.h>

#include "core/backend/cpu/kernel_choice.h"
#include "core/backend/cpu/matrix_product.h"
#include "core/backend/device.h"
#include "core/backend/layer_ops.h"
#include "core/backend/update_ops.h"

namespace bertyard {
namespace {

constexpr std::int64_t kTokens = 1024, kHidden = 768, kHeads = 12, kLength = 128;
constexpr int kThreads = 2;

// Floats of a fixed, uneven pattern around 0.
struct Floats {
  std::vector<float> values;
  Shape shape;
  explicit Floats(Shape s) : values(static_cast<std::size_t>(s.elements())), shape(s) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] = static_cast<float>(std::sin(static_cast<double>(i % 4099)));
    }
  }
  TensorView view() { return {values.data(), DType::f32, shape}; }
};

struct Bench {
  std::unique_ptr<Device> device = make_cpu_device({.threads = kThreads});
  std::vector<std::uint64_t> sample;
  std::vector<std::int32_t> position, offsets{0};

  Bench() {
    for (std::int64_t t = 0; t < kTokens; ++t) {
      sample.push_back(static_cast<std::uint64_t>(t / kLength));
      position.push_back(static_cast<std::int32_t>(t % kLength));
      if (t % kLength == kLength - 1) offsets.push_back(static_cast<std::int32_t>(t + 1));
    }
    ops().reserve({kTokens, 160, kTokens / kLength, kLength, kHidden, kHeads, 4 * kHidden, 30522});
  }
  LayerOps& ops() { return device->layer_ops(); }
  Dropout dropout(double probability) {
    return {.probability = probability,
            .seed = 1,
            .layer = 0,
            .site = DropoutSite::attention_output,
            .sample = view_of(std::span(sample)),
            .position = view_of(std::span(position))};
  }
  PackedSequences packing() { return {view_of(std::span(offsets)), kLength, {}}; }
};

enum class Pass { forward, input_gradient, weight_gradient };

// range: library, pass, rows, in, out
void matrix_product(benchmark::State& state) {
  const auto library = make_matrix_library(static_cast<MatrixLibraryChoice>(state.range(0)),
                                           kThreads, choose_kernels("").pack);
  const auto pass = static_cast<Pass>(state.range(1));
  const std::int64_t rows = state.range(2), in = state.range(3), out = state.range(4);
  Floats x({rows, in}), w({out, in}), y({rows, out});
  const MatrixOperand x_in{x.values.data(), in}, w_in{w.values.data(), in},
      w_transposed{w.values.data(), in, Transpose::yes}, y_in{y.values.data(), out},
      y_transposed{y.values.data(), out, Transpose::yes};
  MatrixProduct product;
  switch (pass) {
    case Pass::forward:
      product = {y.values.data(), out, x_in, w_transposed, rows, out, in, 0};
      break;
    case Pass::input_gradient:
      product = {x.values.data(), in, y_in, w_in, rows, in, out, 0};
      break;
    case Pass::weight_gradient:
      product = {w.values.data(), in, y_transposed, x_in, out, in, rows, 1};
      break;
  }
  for (auto _ : state) library->multiply(product);
  state.SetLabel(library->name());
  state.counters["flop_per_cpu_second"] = benchmark::Counter(
      2.0 * static_cast<double>(rows * in * out), benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(matrix_product)
    ->ArgsProduct({{1, 2}, {0, 1, 2}, {kTokens}, {768}, {768, 2304, 3072}})
    ->ArgsProduct({{1, 2}, {0, 1, 2}, {160}, {768}, {30522}})
    ->Unit(benchmark::kMillisecond)
    ->MeasureProcessCPUTime();

// range: percent of dropout
void attention(benchmark::State& state) {
  Bench bench;
  Floats qkv({kTokens, 3 * kHidden}), y({kTokens, kHidden}), log_sum({kTokens, kHeads});
  const Dropout dropout = bench.dropout(static_cast<double>(state.range(0)) / 100);
  for (auto _ : state) {
    bench.ops().attention(y.view(), log_sum.view(), qkv.view(), kHeads, bench.packing(), dropout);
  }
}
void attention_backward(benchmark::State& state) {
  Bench bench;
  Floats qkv({kTokens, 3 * kHidden}), y({kTokens, kHidden}), log_sum({kTokens, kHeads});
  Floats dy({kTokens, kHidden}), dqkv({kTokens, 3 * kHidden});
  const Dropout dropout = bench.dropout(static_cast<double>(state.range(0)) / 100);
  bench.ops().attention(y.view(), log_sum.view(), qkv.view(), kHeads, bench.packing(), dropout);
  for (auto _ : state) {
    bench.ops().attention_backward(dqkv.view(), {dy.view(), y.view(), log_sum.view(), qkv.view(),
                                                 kHeads, bench.packing(), dropout});
  }
}
BENCHMARK(attention)->Arg(0)->Arg(10)->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime();
BENCHMARK(attention_backward)
    ->Arg(0)
    ->Arg(10)
    ->Unit(benchmark::kMillisecond)
    ->MeasureProcessCPUTime();

void add_norm(benchmark::State& state) {
  Bench bench;
  Floats x({kTokens, kHidden}), y({kTokens, kHidden}), residual({kTokens, kHidden}),
      normalised({kTokens, kHidden}), rstd({kTokens}), gamma({kHidden}), beta({kHidden});
  const Dropout dropout = bench.dropout(static_cast<double>(state.range(0)) / 100);
  for (auto _ : state) {
    bench.ops().add_norm(y.view(), {normalised.view(), rstd.view()}, x.view(), residual.view(),
                         {gamma.view(), beta.view()}, dropout);
  }
}
void add_norm_backward(benchmark::State& state) {
  Bench bench;
  Floats dx({kTokens, kHidden}), dresidual({kTokens, kHidden}), dy({kTokens, kHidden}),
      normalised({kTokens, kHidden}), rstd({kTokens}), gamma({kHidden}), beta({kHidden});
  const Dropout dropout = bench.dropout(static_cast<double>(state.range(0)) / 100);
  for (auto _ : state) {
    bench.ops().add_norm_backward(dx.view(), dresidual.view(), {gamma.view(), beta.view()},
                                  dy.view(), {gamma.view(), beta.view()},
                                  {normalised.view(), rstd.view()}, dropout);
  }
}
BENCHMARK(add_norm)->Arg(0)->Arg(10)->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime();
BENCHMARK(add_norm_backward)
    ->Arg(0)
    ->Arg(10)
    ->Unit(benchmark::kMillisecond)
    ->MeasureProcessCPUTime();

// range: activation
void activation_backward(benchmark::State& state) {
  Bench bench;
  Floats dx({kTokens, 4 * kHidden}), dy({kTokens, 4 * kHidden}), pre({kTokens, 4 * kHidden});
  for (auto _ : state) {
    bench.ops().activation_backward(dx.view(), dy.view(), pre.view(),
                                    static_cast<Activation>(state.range(0)));
  }
}
BENCHMARK(activation_backward)
    ->Arg(static_cast<int>(Activation::gelu_tanh))
    ->Arg(static_cast<int>(Activation::gelu_erf))
    ->Unit(benchmark::kMillisecond)
    ->MeasureProcessCPUTime();

void cross_entropy(benchmark::State& state) {
  Bench bench;
  Floats logits({160, 30522}), loss({160}), correct({160}), scale({1});
  std::vector<std::int32_t> labels(160, 7);
  for (auto _ : state) {
    bench.ops().cross_entropy_gradient(loss.view(), correct.view(), logits.view(),
                                       view_of(std::span(labels)), scale.view());
  }
}
BENCHMARK(cross_entropy)->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime();

void adamw(benchmark::State& state) {
  Bench bench;
  const std::int64_t n = 10'000'000;
  Floats p({n}), g({n}), m({n}), v({n});
  for (float& value : v.values) value = std::fabs(value);
  const auto plan = bench.device->update_ops().make_plan(UpdateTables({{0, n, 0.01f, 0}}));
  std::vector<double> scalars = {1e-4, 1, 1, 1, 1, 1, 1, 0};
  for (auto _ : state) {
    bench.device->update_ops().adamw({p.view(), g.view(), m.view(), v.view()}, *plan, {},
                                     view_of(std::span(scalars)));
  }
  state.SetBytesProcessed(state.iterations() * n * 28);  // four streams in, three out
}
BENCHMARK(adamw)->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime();

}  // namespace
}  // namespace bertyard
