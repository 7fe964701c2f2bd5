"""What the benchmark compares the project with."""
