// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace bertyard {

enum class Activation {
  identity,
  gelu_tanh,  // 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))): Google's and NVIDIA's BERT
  gelu_erf,   // 0.5 x (1 + erf(x / sqrt 2)): Hugging Face's "gelu"
  tanh,       // the pooler's
};

std::string_view name_of(Activation activation);

}  // namespace bertyard
