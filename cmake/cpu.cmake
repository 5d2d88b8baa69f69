# The kernels as a library for the CPU: one for each x86-64 level, chosen at run time; a single one on other processors.
find_package(Threads REQUIRED)

file(GLOB cpu_sources CONFIGURE_DEPENDS "${VICMAE_CUDA}/cpu/*.cpp")

function(vicmae_cpu_library name)
  add_library(${name} SHARED ${VICMAE_KERNELS} ${cpu_sources})
  set_source_files_properties(${VICMAE_KERNELS} PROPERTIES LANGUAGE CXX OBJECT_DEPENDS "${VICMAE_HEADERS}")
  set_target_properties(${name} PROPERTIES
    CXX_STANDARD 20 CXX_STANDARD_REQUIRED ON CXX_EXTENSIONS ON
    LIBRARY_OUTPUT_DIRECTORY "${VICMAE_OUTPUT}/cpu")
  # No -ffast-math: masking needs infinities, and a reduction that may be reordered says so in the source.
  target_compile_options(${name} PRIVATE -x c++ -O3 -fopenmp-simd -fno-math-errno -fno-trapping-math -fno-signed-zeros
    -ffp-contract=fast -Wall -Wextra -Werror -Wno-unused-function -Wno-unknown-pragmas ${ARGN})
  target_include_directories(${name} PRIVATE "${VICMAE_CUDA}")
  # Only libc is asked of the host.
  target_link_options(${name} PRIVATE -static-libgcc -static-libstdc++ -Wl,--exclude-libs,ALL)
  target_link_libraries(${name} PRIVATE Threads::Threads)
endfunction()

if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  vicmae_cpu_library(vicmae_x86-64 -march=x86-64)
  vicmae_cpu_library(vicmae_x86-64-v3 -march=x86-64-v3)
  vicmae_cpu_library(vicmae_x86-64-v4 -march=x86-64-v4 -mprefer-vector-width=512)
else()
  vicmae_cpu_library(vicmae_${CMAKE_SYSTEM_PROCESSOR})
endif()
