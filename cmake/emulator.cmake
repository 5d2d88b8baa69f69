# The emulated CUDA driver: libcuda.so.1 with the kernels inside, each compiled with the compiler's memory-access instrumentation, whose
# runtime library cuda/emulator/machine takes the place of. For g++: another compiler's instrumentation has not been tried.
if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "GNU" OR NOT CMAKE_SYSTEM_NAME STREQUAL "Linux")
  message(STATUS "The emulated CUDA driver is built by g++ on Linux only; it is missing from this build.")
  return()
endif()

set(VICMAE_EMULATOR "${VICMAE_CUDA}/emulator")
file(GLOB machine_sources CONFIGURE_DEPENDS "${VICMAE_EMULATOR}/machine/*.cpp")
file(GLOB driver_sources CONFIGURE_DEPENDS "${VICMAE_EMULATOR}/driver/*.cpp")
include(${CMAKE_CURRENT_LIST_DIR}/emulated_kernels.cmake)
vicmae_emulated_kernels(vicmae_emulated ${VICMAE_KERNELS})
add_library(vicmae_emulator SHARED ${machine_sources} ${driver_sources} $<TARGET_OBJECTS:vicmae_emulated>)
set_target_properties(vicmae_emulator PROPERTIES
  CXX_STANDARD 20 CXX_STANDARD_REQUIRED ON CXX_EXTENSIONS ON CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
  LIBRARY_OUTPUT_DIRECTORY "${VICMAE_OUTPUT}/emulator" PREFIX "" OUTPUT_NAME "libcuda" SUFFIX ".so.1" NO_SONAME ON)
# -Wrestrict gives false alarms in g++ 12 where strings are added up.
target_compile_options(vicmae_emulator PRIVATE -O3 -g1 "-ffile-prefix-map=${VICMAE_ROOT}/=" -Wall -Wextra -Werror -Wno-restrict)
target_link_options(vicmae_emulator PRIVATE -Wl,-soname,libcuda.so.1 -Wl,-z,defs -static-libgcc -static-libstdc++ -Wl,--exclude-libs,ALL
  -Wl,--gc-sections)
target_link_libraries(vicmae_emulator PRIVATE Threads::Threads ${CMAKE_DL_LIBS})

# g++ comes with a library that turns addresses into source lines; without it messages give offsets into the library.
include(CheckCXXSourceCompiles)
set(CMAKE_REQUIRED_LIBRARIES backtrace)
check_cxx_source_compiles("#include <backtrace.h>\nint main() { return backtrace_create_state(nullptr, 0, nullptr, nullptr) == nullptr; }"
  VICMAE_HAS_BACKTRACE)
unset(CMAKE_REQUIRED_LIBRARIES)
if(VICMAE_HAS_BACKTRACE)
  target_compile_definitions(vicmae_emulator PRIVATE VICMAE_BACKTRACE)
  target_link_libraries(vicmae_emulator PRIVATE backtrace)
endif()
