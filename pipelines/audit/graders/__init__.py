"""What graders were sent, and whether a reward depends on reasoning."""
