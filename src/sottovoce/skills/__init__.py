"""What an assistant can work out by itself: time, arithmetic, units, chance. Pure functions, no I/O."""
