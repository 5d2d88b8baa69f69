# What a user's own kernels are built with (cmake/own), as resources of the jar: source/ holds the files, and source/index.txt their names.
get_filename_component(root "${CMAKE_CURRENT_LIST_DIR}/.." ABSOLUTE)
file(GLOB headers RELATIVE "${root}" CONFIGURE_DEPENDS "${root}/cuda/*.cuh" "${root}/cuda/emulator/*.h" "${root}/cuda/nvrtc/*.h")
set(files cmake/own/CMakeLists.txt cmake/cpu_kernels.cmake cmake/emulated_kernels.cmake cmake/nvcc.cmake cmake/ptx_module.cmake
  cuda/cpu/launch.h ${headers})
set(copies)
foreach(file ${files})
  set(copy "${VICMAE_OUTPUT}/source/${file}")
  add_custom_command(OUTPUT "${copy}" COMMAND ${CMAKE_COMMAND} -E copy "${root}/${file}" "${copy}" DEPENDS "${root}/${file}" VERBATIM)
  list(APPEND copies "${copy}")
endforeach()
list(JOIN files "\n" index)
file(CONFIGURE OUTPUT "${VICMAE_OUTPUT}/source/index.txt" CONTENT "${index}\n" @ONLY)
add_custom_target(vicmae_sources ALL DEPENDS ${copies})
