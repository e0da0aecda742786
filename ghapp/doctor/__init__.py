"""`ghapp doctor`: facts are read first, then judged without reading anything else."""
