"""`ghapp doctor`: facts are read first, then judged without a look at anything else."""
