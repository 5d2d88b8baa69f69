# libcublas.so.12 for hosts that have only libcublas.so.13: see cublas_bridge/bridge.cpp. It needs no CUDA to be built. JCublas is there for
# Linux on x86-64 alone.
if(NOT CMAKE_SYSTEM_NAME STREQUAL "Linux" OR NOT CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  return()
endif()
set(bridge "${CMAKE_CURRENT_LIST_DIR}/cublas_bridge")
add_library(vicmae_cublas_bridge SHARED "${bridge}/bridge.cpp")
set_target_properties(vicmae_cublas_bridge PROPERTIES
  CXX_STANDARD 20 CXX_STANDARD_REQUIRED ON LIBRARY_OUTPUT_DIRECTORY "${VICMAE_OUTPUT}/cublas"
  PREFIX "" OUTPUT_NAME "libcublas" SUFFIX ".so.12" NO_SONAME ON LINK_DEPENDS "${bridge}/versions.map")
target_compile_options(vicmae_cublas_bridge PRIVATE -Wall -Wextra -Werror)
target_link_options(vicmae_cublas_bridge PRIVATE -Wl,-soname,libcublas.so.12 "-Wl,--version-script=${bridge}/versions.map" -Wl,-z,defs
  -static-libgcc -static-libstdc++ -Wl,--gc-sections)
target_link_libraries(vicmae_cublas_bridge PRIVATE ${CMAKE_DL_LIBS})
