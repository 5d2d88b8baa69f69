# How kernels are compiled for the CPU; also for libraries of further kernels.
# No -ffast-math: masking needs infinities, and a reduction that may be reordered says so in the source.
set(VICMAE_CPU_OPTIONS -x c++ -O3 -fopenmp-simd -fno-math-errno -fno-trapping-math -fno-signed-zeros
  -ffp-contract=fast -Wall -Wextra -Werror -Wno-unused-function -Wno-unknown-pragmas)
# For each build by its name; none for processors that are not listed.
set(VICMAE_CPU_x86-64 -march=x86-64)
set(VICMAE_CPU_x86-64-v3 -march=x86-64-v3)
set(VICMAE_CPU_x86-64-v4 -march=x86-64-v4 -mprefer-vector-width=512)

function(vicmae_cpu_target name isa)
  set_target_properties(${name} PROPERTIES CXX_STANDARD 20 CXX_STANDARD_REQUIRED ON CXX_EXTENSIONS ON)
  target_compile_options(${name} PRIVATE ${VICMAE_CPU_OPTIONS} ${VICMAE_CPU_${isa}})
  target_include_directories(${name} PRIVATE "${VICMAE_CUDA}")
  # Only libc is asked of the host; without what libstdc++ has and nobody calls, an older one will do.
  target_link_options(${name} PRIVATE -static-libgcc -static-libstdc++ -Wl,--exclude-libs,ALL -Wl,--gc-sections)
endfunction()
