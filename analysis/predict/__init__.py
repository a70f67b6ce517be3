"""What is known before training against what an arm then scores, over all arms of all studies."""
