"""`python -m tests.drill`: interrupts a real sweep in every way there is, and checks that nothing is lost."""
