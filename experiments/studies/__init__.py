"""Many runs: what a study declares, which runs it asks for, how they are laid out, launched and reported."""
