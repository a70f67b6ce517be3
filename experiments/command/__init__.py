"""From a command line to typed values: Hydra composes, mistakes become one line, a launcher's job runs one config."""
