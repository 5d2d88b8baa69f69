# The kernels as a library for the CPU: one for each x86-64 level, chosen at run time; a single one on other processors.
find_package(Threads REQUIRED)
include(${CMAKE_CURRENT_LIST_DIR}/cpu_kernels.cmake)

file(GLOB cpu_sources CONFIGURE_DEPENDS "${VICMAE_CUDA}/cpu/*.cpp")

function(vicmae_cpu_library isa)
  set(name vicmae_${isa})
  add_library(${name} SHARED ${VICMAE_KERNELS} ${cpu_sources})
  set_source_files_properties(${VICMAE_KERNELS} PROPERTIES LANGUAGE CXX)
  set_target_properties(${name} PROPERTIES LIBRARY_OUTPUT_DIRECTORY "${VICMAE_OUTPUT}/cpu")
  vicmae_cpu_target(${name} ${isa})
  target_link_libraries(${name} PRIVATE Threads::Threads)
endfunction()

if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  vicmae_cpu_library(x86-64)
  vicmae_cpu_library(x86-64-v3)
  vicmae_cpu_library(x86-64-v4)
else()
  vicmae_cpu_library(${CMAKE_SYSTEM_PROCESSOR})
endif()
