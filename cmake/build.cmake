# Configures and builds, as many jobs at once as there are cores:
#   cmake [-DSOURCE=folder] -DBUILD=folder -DOUTPUT=folder [-DPTX=ON|OFF] [-DMORE=-DNAME=value;...] -P build.cmake
if(NOT SOURCE)
  set(SOURCE "${CMAKE_CURRENT_LIST_DIR}")
endif()
cmake_host_system_information(RESULT cores QUERY NUMBER_OF_LOGICAL_CORES)
execute_process(
  COMMAND "${CMAKE_COMMAND}" -S "${SOURCE}" -B "${BUILD}" "-DVICMAE_OUTPUT=${OUTPUT}" "-DVICMAE_PTX=${PTX}" ${MORE}
  RESULT_VARIABLE failed)
if(failed)
  message(FATAL_ERROR "The kernels' build could not be configured; CMake and a C++ compiler (g++) are needed.")
endif()
execute_process(COMMAND "${CMAKE_COMMAND}" --build "${BUILD}" --parallel ${cores} RESULT_VARIABLE failed)
if(failed)
  message(FATAL_ERROR "The kernels could not be built.")
endif()
