# What a build is made of. build.cmake builds all parts or those that it is asked for; a part is the target part_NAME, and OUTPUTS are the files
# and folders below VICMAE_OUTPUT that hold what it makes:
#   vicmae_part(NAME [TARGETS ...] [OUTPUTS ...])
set_property(GLOBAL PROPERTY VICMAE_PARTS "")

function(vicmae_part name)
  cmake_parse_arguments(PARSE_ARGV 1 part "" "" "TARGETS;OUTPUTS")
  add_custom_target(part_${name})
  foreach(target ${part_TARGETS})
    if(TARGET ${target}) # missing where this machine has no tools for it
      add_dependencies(part_${name} ${target})
    endif()
  endforeach()
  set_property(GLOBAL APPEND PROPERTY VICMAE_PARTS ${name})
  get_property(parts GLOBAL PROPERTY VICMAE_PARTS)
  set_property(GLOBAL APPEND_STRING PROPERTY VICMAE_PART_LIST "set(outputs_${name} \"${part_OUTPUTS}\")\n")
  get_property(list GLOBAL PROPERTY VICMAE_PART_LIST)
  file(CONFIGURE OUTPUT "${CMAKE_BINARY_DIR}/parts.cmake" CONTENT "set(parts \"${parts}\")\n${list}" @ONLY)
endfunction()
