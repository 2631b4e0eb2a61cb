"""One file for each way to game tests that a program shows; each turns facts into clues."""
