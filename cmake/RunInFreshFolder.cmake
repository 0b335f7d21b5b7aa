# cmake -DPROGRAM=… -DFOLDER=… -P: runs PROGRAM in FOLDER, which is emptied first.
file(REMOVE_RECURSE ${FOLDER})
file(MAKE_DIRECTORY ${FOLDER})
execute_process(COMMAND ${PROGRAM} WORKING_DIRECTORY ${FOLDER} RESULT_VARIABLE code)
if(NOT code EQUAL 0)
  message(FATAL_ERROR "${PROGRAM}: ${code}; its files are left in ${FOLDER}")
endif()
file(REMOVE_RECURSE ${FOLDER})
