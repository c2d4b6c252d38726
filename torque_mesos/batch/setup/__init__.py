"""What an elastic cluster needs of a batch server: wished for, set, and taken back."""
