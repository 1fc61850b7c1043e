"""Console: server-rendered pages for members. See README.md."""
