"""The union sweeper."""
