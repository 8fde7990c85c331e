"""What a promise costs or brings, measured: each module prints its figures and the command that repeats them."""
