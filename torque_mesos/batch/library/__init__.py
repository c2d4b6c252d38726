"""What the server's commands do, done by its C library in a process of its own."""
