"""Run the tasks of a job: on threads, processes or machines, kept in a folder, merged in one order."""
