// Undefined behaviour that the compiler's own checks find (-fsanitize=undefined, whose runtime library this file takes the place of).
#include <cstdio>

#include "block.h"

namespace {

struct SourceLocation {
  const char* file;
  uint32_t line, column;
};

struct TypeMismatch {
  SourceLocation location;
  const void* type;
  uint8_t log_alignment, kind;
};

void undefined(const void* data, const char* what, const void* at) {
  if (emulator::machine.thread == nullptr) return;
  emulator::found(emulator::Check::UNDEFINED, emulator::LAUNCH_FAILED, std::string("has undefined behaviour: ") + what, at);
  static_cast<void>(data);
}

}  // namespace

#define HANDLER(name, what)                                                                  \
  extern "C" VICMAE_API void __ubsan_handle_##name(const void* data, uintptr_t, uintptr_t) { \
    undefined(data, what, __builtin_return_address(0));                                      \
  }
HANDLER(add_overflow, "a sum does not fit its integer type")
HANDLER(sub_overflow, "a difference does not fit its integer type")
HANDLER(mul_overflow, "a product does not fit its integer type")
HANDLER(negate_overflow, "a negation does not fit its integer type")
HANDLER(divrem_overflow, "an integer division by zero, or of the smallest number by -1")
HANDLER(shift_out_of_bounds, "a shift by a negative amount or by the type's width or more")
HANDLER(out_of_bounds, "an index beyond an array's declared bounds")
HANDLER(builtin_unreachable, "a place that was declared unreachable")
HANDLER(missing_return, "a function ends without returning a value")
HANDLER(vla_bound_not_positive, "an array of no positive length")
HANDLER(load_invalid_value, "a bool or enum that holds no value of its type")
HANDLER(nonnull_arg, "a null argument where none may be")
HANDLER(nonnull_return_v1, "a null result where none may be")
HANDLER(float_cast_overflow, "a floating-point value that does not fit the integer type it is converted to")
HANDLER(invalid_builtin, "a count of leading or trailing zeros of zero")

extern "C" VICMAE_API void __ubsan_handle_type_mismatch_v1(const TypeMismatch* data, uintptr_t address) {
  using namespace emulator;
  if (machine.thread == nullptr) return;
  const void* at = __builtin_return_address(0);
  const uintptr_t alignment = uintptr_t{1} << data->log_alignment;
  if (address == 0) {
    found(Check::GLOBAL_BOUNDS, ILLEGAL_ADDRESS, "uses a null pointer", at);
  } else if (address % alignment != 0) {
    const std::string where = shared_memory.contains(address) ? describe_shared(address) : describe_address(address);
    found(Check::MISALIGNED, MISALIGNED_ADDRESS, "accesses " + where + " as a type that wants a multiple of " + std::to_string(alignment),
          at);
  } else {
    found(Check::UNDEFINED, LAUNCH_FAILED, "has undefined behaviour: an object is larger than the memory it lies in", at);
  }
}
