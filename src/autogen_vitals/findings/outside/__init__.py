"""The rules that no process can find in itself: commands of the command line fire them, one file each."""
