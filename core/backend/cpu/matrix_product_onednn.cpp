// SPDX-License-Identifier: Apache-2.0
// oneDNN's matmul primitive: one for each shape that occurs, kept; weights reordered once after
// every change into the layout that the primitive asks for. Not its BLAS-like entry dnnl_sgemm,
// whose code uses the stack pointer as a general register (docs/decisions/0003-matrix-products.md).
#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include <fmt/format.h>
#include <omp.h>
#include <oneapi/dnnl/dnnl.hpp>

#include "core/backend/cpu/host_memory.h"
#include "core/backend/cpu/matrix_product.h"
#include "core/backend/cpu/pair_blocks.h"
#include "core/base/error.h"

namespace bertyard {
namespace {

// oneDNN chooses its kernels by the processor, or by ONEDNN_MAX_CPU_ISA; they decide bits.
std::string kernels_chosen() {
  const dnnl::cpu_isa isa = dnnl::get_effective_cpu_isa();
  switch (isa) {
    case dnnl::cpu_isa::sse41:
      return "SSE4.1";
    case dnnl::cpu_isa::avx:
      return "AVX";
    case dnnl::cpu_isa::avx2:
      return "AVX2";
    case dnnl::cpu_isa::avx2_vnni:
      return "AVX2 VNNI";
    case dnnl::cpu_isa::avx512_core:
      return "AVX-512";
    case dnnl::cpu_isa::avx512_core_vnni:
      return "AVX-512 VNNI";
    case dnnl::cpu_isa::avx512_core_bf16:
      return "AVX-512 BF16";
    case dnnl::cpu_isa::avx512_core_amx:
      return "AMX";
    default:
      return fmt::format("instructions {:#x}", static_cast<unsigned>(isa));
  }
}

using Memory = dnnl::memory;

Memory::data_type type_of(DType type) {
  return type == DType::bf16 ? Memory::data_type::bf16 : Memory::data_type::f32;
}

Memory::desc matrix_desc(std::int64_t rows, std::int64_t columns, const MatrixOperand& operand,
                         DType type) {
  const Memory::dims strides = operand.transpose == Transpose::yes
                                   ? Memory::dims{1, operand.leading}
                                   : Memory::dims{operand.leading, 1};
  return {{rows, columns}, type_of(type), strides};
}

// Everything that a primitive depends on; not where the operands lie.
using ProductShape = std::tuple<std::int64_t, std::int64_t, std::int64_t, std::int64_t,
                                std::int64_t, std::int64_t, int>;

ProductShape shape_of(const MatrixProduct& p) {
  const auto flag = [](bool set, int bit) { return set ? 1 << bit : 0; };
  const int flags = flag(p.a.transpose == Transpose::yes, 0) |
                    flag(p.b.transpose == Transpose::yes, 1) | flag(p.beta != 0, 2) |
                    flag(p.bias != nullptr, 3) | flag(p.second == SecondOperand::weight, 4) |
                    flag(p.a.dtype == DType::bf16, 5) | flag(p.y_dtype == DType::bf16, 6);
  return {p.m, p.n, p.k, p.a.leading, p.b.leading, p.leading, flags};
}

// The one place where the interfaces of oneDNN 2 and 3 differ.
dnnl::matmul::primitive_desc describe(const dnnl::engine& engine, const Memory::desc& a,
                                      const Memory::desc& b, const Memory::desc& bias,
                                      const Memory::desc& y, const dnnl::primitive_attr& settings) {
#if DNNL_VERSION_MAJOR >= 3
  return {engine, a, b, bias, y, settings};
#else
  return {dnnl::matmul::desc(a, b, bias, y), settings, engine};
#endif
}

// Whether pack_pairs() brings the second operand into the layout that is wanted.
bool packs_pairs(const MatrixProduct& p, const Memory::desc& wanted) {
  return packs_pairs(p.b) && wanted == Memory::desc({p.k, p.n}, Memory::data_type::bf16,
                                                    Memory::format_tag::BA16a64b2a);
}

// A compiled product and the memory objects whose addresses each call sets.
struct CompiledProduct {
  dnnl::matmul::primitive_desc description;
  dnnl::matmul run;
  Memory a, b, y, bias, scratch;
  // For a second operand of bf16 that changes, where the product asks for a layout of its own:
  bool packs_pairs = false;  // ours, or the library's
  Memory plain_b;
  dnnl::reorder pack;
  std::unordered_map<int, Memory> arguments;  // made once: a call allocates nothing of ours

  CompiledProduct(const dnnl::engine& engine, const dnnl::matmul::primitive_desc& desc)
      : description(desc), run(desc) {
    a = Memory(desc.src_desc(), engine, nullptr);
    b = Memory(desc.weights_desc(), engine, nullptr);
    y = Memory(desc.dst_desc(), engine, nullptr);
    scratch = Memory(desc.scratchpad_desc(), engine, nullptr);
    arguments = {{DNNL_ARG_SRC, a},
                 {DNNL_ARG_DST, y},
                 {DNNL_ARG_SCRATCHPAD, scratch},
                 {DNNL_ARG_WEIGHTS, b}};
    if (!desc.bias_desc().get_size()) return;
    bias = Memory(desc.bias_desc(), engine, nullptr);
    arguments.emplace(DNNL_ARG_BIAS, bias);
  }
};

// A weight in a primitive's own layout.
struct PackedWeight {
  Buffer buffer;
  Memory memory;
  bool packs_pairs = false;
  dnnl::reorder reorder;  // where we do not pack it
  bool stale = true;
};

class OneDnn : public MatrixLibrary {
 public:
  OneDnn(int threads, const PackKernels& pack) : threads_(threads), pack_(pack) {
    if (!onednn_usable()) {
      throw EnvironmentError(
          "matrix products: expected a oneDNN that runs on OpenMP, the process loaded one with "
          "another runtime; its threads would fight ours for the cores. Install libdnnl2, or set "
          "the matrix library to openblas");
    }
  }

  void multiply(const MatrixProduct& p) override {
    if (omp_get_max_threads() != threads_) omp_set_num_threads(threads_);
    try {
      execute(p, compiled(p));
    } catch (const dnnl::error& error) {
      throw Error(fmt::format("matrix product: oneDNN refused [{}, {}] x [{}, {}]: {}", p.m, p.k,
                              p.k, p.n, error.message));
    }
  }

  void weights_changed() override {
    for (auto& [place, weight] : weights_) weight.stale = true;
  }

  bool computes(DType type) const override {
    if (type == DType::f32) return true;
    constexpr auto kNeeded = static_cast<unsigned>(dnnl::cpu_isa::avx512_core_bf16);
    const auto here = static_cast<unsigned>(dnnl::get_effective_cpu_isa());
    return type == DType::bf16 && (here & kNeeded) == kNeeded;
  }

  // Of weights one copy for x w^T and one for dy w, and of activations in bf16 the packed ones;
  // layouts pad to blocks of 64.
  std::size_t kept_bytes(const WorkspaceLimits& limits) const override {
    const auto padded = [](std::int64_t n) { return (n + 63) / 64 * 64; };
    const std::int64_t packed =
        limits.activations == DType::bf16
            ? padded(limits.tokens) * padded(std::max(limits.hidden, limits.intermediate))
            : 0;
    return static_cast<std::size_t>(2 * limits.weights + packed) * size_of(limits.activations);
  }

  std::string name() const override {
    const dnnl_version_t* version = dnnl_version();
    return fmt::format("oneDNN {}.{}.{} for {}", version->major, version->minor, version->patch,
                       kernels_chosen());
  }

 private:
  // Shapes come from the rows of packed batches, so their number is bounded by capacities; this
  // only keeps a strange run from filling the memory.
  static constexpr std::size_t kMostShapes = 4096;

  CompiledProduct& compiled(const MatrixProduct& p) {
    const ProductShape shape = shape_of(p);
    const auto found = products_.find(shape);
    if (found != products_.end()) return found->second;
    if (products_.size() >= kMostShapes) products_.clear();
    return products_.emplace(shape, compile(p)).first->second;
  }

  CompiledProduct compile(const MatrixProduct& p) {
    dnnl::primitive_attr settings;
    settings.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    if (p.beta != 0) {
      dnnl::post_ops after;
      after.append_sum(p.beta);
      settings.set_post_ops(after);
    }
    const Memory::desc a = matrix_desc(p.m, p.k, p.a, p.a.dtype);
    const bool packs = p.second == SecondOperand::changes && p.b.dtype == DType::bf16;
    const Memory::desc plain_b = matrix_desc(p.k, p.n, p.b, p.b.dtype);
    const Memory::desc b =
        packs || p.second == SecondOperand::weight
            ? Memory::desc({p.k, p.n}, type_of(p.a.dtype), Memory::format_tag::any)
            : plain_b;
    const Memory::desc bias =
        p.bias == nullptr ? Memory::desc()
                          : Memory::desc({1, p.n}, Memory::data_type::f32, Memory::dims{p.n, 1});
    const Memory::desc y({p.m, p.n}, type_of(p.y_dtype), Memory::dims{p.leading, 1});
    const auto description = describe(engine_, a, b, bias, y, settings);
    const std::size_t scratch = description.scratchpad_desc().get_size();
    if (scratch > scratch_.bytes()) scratch_ = allocate_host_memory(scratch);
    CompiledProduct product(engine_, description);
    if (packs && description.weights_desc() != plain_b) {
      const std::size_t bytes = description.weights_desc().get_size();
      if (bytes > packed_.bytes()) {
        packed_ = {};
        packed_ = allocate_host_memory(bytes);
      }
      product.packs_pairs = packs_pairs(p, description.weights_desc());
      if (!product.packs_pairs) {
        product.plain_b = Memory(plain_b, engine_, nullptr);
        product.pack = dnnl::reorder(product.plain_b, product.b);
      }
    }
    return product;
  }

  void execute(const MatrixProduct& p, CompiledProduct& product) {
    product.a.set_data_handle(const_cast<void*>(p.a.data));
    product.y.set_data_handle(p.y);
    product.scratch.set_data_handle(scratch_.data());
    product.b.set_data_handle(second_operand(p, product));
    if (p.bias != nullptr) product.bias.set_data_handle(const_cast<float*>(p.bias));
    product.run.execute(stream_, product.arguments);
    stream_.wait();
  }

  // Where the second operand lies in the layout of the product.
  void* second_operand(const MatrixProduct& p, CompiledProduct& product) {
    void* const given = const_cast<void*>(p.b.data);
    if (p.second == SecondOperand::weight) return packed(p, product);
    if (product.packs_pairs) {
      pack_pairs(packed_.data(), p.b, p.k, p.n, pack_, threads_);
      return packed_.data();
    }
    if (!product.pack) return given;
    product.plain_b.set_data_handle(given);
    product.b.set_data_handle(packed_.data());
    product.pack.execute(stream_, product.plain_b, product.b);
    return packed_.data();
  }

  // The same of a weight.
  void* packed(const MatrixProduct& p, const CompiledProduct& product) {
    const Memory::desc wanted = product.description.weights_desc();
    PackedWeight& weight = weights_[{p.b.data, p.b.transpose, p.n, p.k, wanted.get_size()}];
    const bool fits = weight.buffer.data() != nullptr && weight.memory.get_desc() == wanted;
    if (fits && !weight.stale) return weight.buffer.data();
    Memory from(matrix_desc(p.k, p.n, p.b, p.b.dtype), engine_, const_cast<void*>(p.b.data));
    if (!fits) {
      weight.buffer = allocate_host_memory(wanted.get_size());
      weight.memory = Memory(wanted, engine_, weight.buffer.data());
      weight.packs_pairs = packs_pairs(p, wanted);
      weight.reorder = weight.packs_pairs ? dnnl::reorder() : dnnl::reorder(from, weight.memory);
    }
    if (weight.packs_pairs) {
      pack_pairs(weight.buffer.data(), p.b, p.k, p.n, pack_, threads_);
    } else {
      weight.reorder.execute(stream_, from, weight.memory);
      stream_.wait();
    }
    weight.stale = false;
    return weight.buffer.data();
  }

  int threads_;
  PackKernels pack_;
  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream_{engine_};
  std::map<ProductShape, CompiledProduct> products_;
  std::map<std::tuple<const void*, Transpose, std::int64_t, std::int64_t, std::size_t>,
           PackedWeight>
      weights_;
  Buffer scratch_;
  Buffer packed_;  // a second operand that changes
};

}  // namespace

bool onednn_usable() {
  return dnnl_version()->cpu_runtime == DNNL_RUNTIME_OMP;
}

std::unique_ptr<MatrixLibrary> make_onednn(int threads, const PackKernels& pack) {
  return std::make_unique<OneDnn>(threads, pack);
}

}  // namespace bertyard
