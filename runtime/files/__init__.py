"""The files that may be read, and the folder for files that flowrun can make or download again."""
