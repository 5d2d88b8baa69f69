// For builds without nvcc: a module's PTX as far as the emulated driver reads it, its entries and their parameters, with empty bodies.
#include <cstring>
#include <string>

#include "block.h"
#include "registry.h"

namespace {

std::string stem(const char* path) {
  const char* slash = std::strrchr(path, '/');
  const std::string name = slash == nullptr ? path : slash + 1;
  return name.substr(0, name.rfind('.'));
}

const char* ptx_type(const emulator::Parameter& p) {
  switch (p.type) {
    case 'i':
      return ".u32";
    case 'f':
      return ".f32";
    case 'd':
      return ".f64";
    default:
      return ".u64";
  }
}

}  // namespace

// The text lives until the next call; null if no kernel comes from a source file of that name.
extern "C" VICMAE_API const char* vicmae_emulator_interface(const char* module) {
  const std::lock_guard<std::recursive_mutex> guard(emulator::lock());
  static std::string text;
  text.clear();
  for (const auto& [name, kernel] : emulator::kernels()) {
    if (stem(kernel->file) != module) continue;
    text += ".visible .entry " + name + "(";
    for (int i = 0; i < kernel->parameter_count; i++) {
      const emulator::Parameter& p = kernel->parameters[i];
      const std::string parameter = name + "_param_" + std::to_string(i);
      text += std::string(i ? "," : "") + "\n\t.param ";
      if (p.type == 's') {
        text += ".align 8 .b8 " + parameter + "[" + std::to_string(p.size) + "]";
      } else {
        text += std::string(ptx_type(p)) + " " + parameter;
      }
    }
    text += "\n)\n{\n\tret;\n}\n";
  }
  if (text.empty()) return nullptr;
  text = ".version 7.4\n.target sm_80\n.address_size 64\n" + text;
  return text.c_str();
}
