"""What a run would take, told before anything is sent."""
