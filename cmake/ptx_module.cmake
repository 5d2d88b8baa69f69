# One module: nvcc to PTX, the version lowered, then ptxas for each architecture of GATE. Nothing is left behind when a step fails.
get_filename_component(folder "${OUTPUT}" DIRECTORY)
file(MAKE_DIRECTORY "${folder}")
set(draft "${OUTPUT}.draft")

execute_process(
  COMMAND "${NVCC}" -ccbin "${CXX}" -ptx -arch=${ARCH} -O3 -std=c++17 --extra-device-vectorization -o "${draft}" "${SOURCE}"
  RESULT_VARIABLE failed)
if(failed)
  message(FATAL_ERROR "nvcc could not compile ${SOURCE} for ${ARCH}.")
endif()
file(READ "${draft}" text)
string(REGEX REPLACE "\n\\.version [0-9.]+" "\n.version ${VERSION}" text "${text}")
file(WRITE "${draft}" "${text}")
foreach(arch ${GATE})
  execute_process(COMMAND "${PTXAS}" -arch=${arch} --output-file /dev/null "${draft}" RESULT_VARIABLE failed)
  if(failed)
    message(FATAL_ERROR "ptxas could not assemble ${SOURCE} (${ARCH}, PTX ${VERSION}) for ${arch}.")
  endif()
endforeach()
file(RENAME "${draft}" "${OUTPUT}")
