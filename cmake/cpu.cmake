# The kernels as a library for the CPU: one for each x86-64 level, chosen at run time (vicmae_level says which the processor has); a single
# one on other processors. VICMAE_CPU_BUILDS lists them, VICMAE_CPU_HERE is the one that this machine takes.
find_package(Threads REQUIRED)
include(${CMAKE_CURRENT_LIST_DIR}/cpu_kernels.cmake)

file(GLOB cpu_sources CONFIGURE_DEPENDS "${VICMAE_CUDA}/cpu/*.cpp")
set(level_source "${VICMAE_CUDA}/cpu/level.cpp")
list(REMOVE_ITEM cpu_sources "${level_source}")

function(vicmae_cpu_library isa)
  set(name vicmae_${isa})
  add_library(${name} SHARED ${VICMAE_KERNELS} ${cpu_sources})
  set_source_files_properties(${VICMAE_KERNELS} PROPERTIES LANGUAGE CXX)
  set_target_properties(${name} PROPERTIES LIBRARY_OUTPUT_DIRECTORY "${VICMAE_OUTPUT}/cpu")
  vicmae_cpu_target(${name} ${isa})
  target_link_libraries(${name} PRIVATE Threads::Threads)
endfunction()

if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  set(VICMAE_CPU_BUILDS x86-64 x86-64-v3 x86-64-v4)
  add_library(vicmae_level SHARED "${level_source}")
  set_target_properties(vicmae_level PROPERTIES LIBRARY_OUTPUT_DIRECTORY "${VICMAE_OUTPUT}/cpu")
  vicmae_cpu_target(vicmae_level x86-64)

  # Asked anew each time: the folder may have come from another machine.
  unset(level CACHE)
  unset(level_compiles CACHE)
  try_run(level level_compiles "${CMAKE_BINARY_DIR}/level" "${level_source}" COMPILE_DEFINITIONS -DVICMAE_LEVEL_PROGRAM)
  set(VICMAE_CPU_HERE x86-64)
  if(level MATCHES "^[34]$")
    set(VICMAE_CPU_HERE x86-64-v${level})
  endif()
else()
  set(VICMAE_CPU_BUILDS ${CMAKE_SYSTEM_PROCESSOR})
  set(VICMAE_CPU_HERE ${CMAKE_SYSTEM_PROCESSOR})
endif()
foreach(build ${VICMAE_CPU_BUILDS})
  vicmae_cpu_library(${build})
endforeach()
