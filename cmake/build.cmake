# Configures and builds, as many jobs at once as there are cores:
#   cmake [-DSOURCE=folder] -DBUILD=folder -DOUTPUT=folder [-DPTX=ON|OFF] [-DMORE=-DNAME=value;...]
#         [-DDESCRIPTION=file -DVERSION=version] -P build.cmake
# DESCRIPTION receives the version and the commit that is built, where git knows it: no time and no path, so that the same commit gives the
# same bytes anywhere.
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

if(DESCRIPTION)
  get_filename_component(root "${CMAKE_CURRENT_LIST_DIR}/.." ABSOLUTE)
  set(commit "")
  set(failed 1)
  find_program(git git)
  if(git AND EXISTS "${root}/.git") # a folder above may be another project's
    execute_process(COMMAND "${git}" -C "${root}" describe --always --abbrev=40 --exclude=*
      RESULT_VARIABLE failed OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  endif()
  set(text "version=${VERSION}\n")
  if(NOT failed AND NOT commit STREQUAL "")
    # Of what is built here: a note that was edited makes no other build.
    execute_process(COMMAND "${git}" -C "${root}" diff --quiet HEAD -- cuda cmake java pom.xml RESULT_VARIABLE differs)
    if(differs)
      string(APPEND commit "-dirty")
    endif()
    string(APPEND text "commit=${commit}\n")
  endif()
  file(CONFIGURE OUTPUT "${DESCRIPTION}" CONTENT "${text}")
endif()
