"""What may be read, and where flowrun keeps what it can make again."""
