# One module: nvcc to PTX, the version lowered, then ptxas for each architecture of GATE. Nothing is left behind when a step fails; a spill
# is a failure. RESOURCES receives what ptxas says that each kernel takes, for resources.cmake. INCLUDE: -Ifolder, or nothing.
cmake_minimum_required(VERSION 3.20)
get_filename_component(folder "${OUTPUT}" DIRECTORY)
get_filename_component(module "${OUTPUT}" NAME_WE)
get_filename_component(source "${SOURCE}" NAME)
file(MAKE_DIRECTORY "${folder}")
set(draft "${OUTPUT}.draft")

function(fail)
  file(REMOVE "${draft}")
  message(FATAL_ERROR ${ARGV})
endfunction()

execute_process(
  COMMAND "${NVCC}" -ccbin "${CXX}" -ptx -arch=${ARCH} -O3 -std=c++17 --extra-device-vectorization ${INCLUDE} -o "${draft}" "${SOURCE}"
  RESULT_VARIABLE failed)
if(failed)
  fail("nvcc could not compile ${SOURCE} for ${ARCH}.")
endif()
file(READ "${draft}" text)
string(REGEX REPLACE "\n\\.version [0-9.]+" "\n.version ${VERSION}" text "${text}")
file(WRITE "${draft}" "${text}")
string(REGEX MATCHALL "\n[^\n]*\\.entry [^\n]*" entries "${text}")
list(LENGTH entries entry_count)

execute_process(COMMAND "${NVCC}" --version OUTPUT_VARIABLE version)
if(NOT version MATCHES "V([0-9][0-9.]+)")
  fail("${NVCC} --version names no version; it said: ${version}")
endif()
set(nvcc_version "${CMAKE_MATCH_1}")

# Adds a row to `rows` for each function in what `ptxas -v` said for one architecture, and a sentence to `spills` for each that spills.
# A function that a kernel calls, not inlined, has a row of its own, without registers.
function(read_report said arch)
  set(memory "[0-9]+ bytes stack frame, [0-9]+ bytes spill stores, [0-9]+ bytes spill loads")
  string(REGEX MATCHALL "properties for [^\n ]+|${memory}|Used [0-9]+ registers[^\n]*" facts "${said}")
  set(kernels 0)
  set(functions "")
  foreach(fact ${facts})
    if(fact MATCHES "properties for (.+)")
      set(function "${CMAKE_MATCH_1}")
      list(APPEND functions "${function}")
      set(registers_${function} 0)
      set(shared_${function} 0)
    elseif(fact MATCHES "(.+) bytes stack frame, (.+) bytes spill stores, (.+) bytes spill loads")
      set(frame_${function} "${CMAKE_MATCH_1}\t${CMAKE_MATCH_2}\t${CMAKE_MATCH_3}")
      if(CMAKE_MATCH_2 GREATER 0 OR CMAKE_MATCH_3 GREATER 0)
        string(APPEND spills "\n  ${function} in ${source} spills on ${arch} (PTX of ${ARCH}): ${CMAKE_MATCH_2} bytes of stores, "
          "${CMAKE_MATCH_3} bytes of loads.")
      endif()
    elseif(DEFINED frame_${function} AND fact MATCHES "Used ([0-9]+) registers")
      math(EXPR kernels "${kernels} + 1")
      set(registers_${function} "${CMAKE_MATCH_1}")
      if(fact MATCHES "[ ,]([0-9]+)[0-9+]* bytes smem")
        set(shared_${function} "${CMAKE_MATCH_1}")
      endif()
    endif()
  endforeach()
  foreach(function ${functions})
    string(APPEND rows "${module}\t${function}\t${ARCH}\t${arch}\t${registers_${function}}\t${shared_${function}}\t${frame_${function}}"
      "\t${nvcc_version}\n")
  endforeach()
  if(NOT kernels EQUAL entry_count)
    fail("ptxas was asked (-v) what the ${entry_count} kernels of ${source} take on ${arch}, and its answer could be read for "
      "${kernels}: ptxas of nvcc ${nvcc_version} may word it in another way than cmake/ptx_module.cmake reads. "
      "-Dvicmae.ptx=OFF builds without the CUDA modules. It said:\n${said}")
  endif()
  set(rows "${rows}" PARENT_SCOPE)
  set(spills "${spills}" PARENT_SCOPE)
endfunction()

set(rows "")
set(spills "")
foreach(arch ${GATE})
  execute_process(COMMAND "${PTXAS}" -v -arch=${arch} --output-file /dev/null "${draft}"
    RESULT_VARIABLE failed OUTPUT_VARIABLE said ERROR_VARIABLE said)
  if(failed)
    fail("ptxas could not assemble ${SOURCE} (${ARCH}, PTX ${VERSION}) for ${arch}. It said:\n${said}")
  endif()
  if(said MATCHES "ptxas warning")
    message(WARNING "ptxas warns about ${SOURCE} for ${arch}:\n${said}")
  endif()
  read_report("${said}" ${arch})
endforeach()
if(spills)
  fail("Registers do not suffice, and what is spilled goes to slow memory and back:${spills}\n"
    "Let a thread hold less (smaller tiles, fewer values alive at once), or launch fewer threads a block where "
    "__launch_bounds__ sets the limit.")
endif()
file(WRITE "${RESOURCES}" "${rows}")
file(RENAME "${draft}" "${OUTPUT}")
