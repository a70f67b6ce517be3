"""Every stage timed beside its peers on this machine."""
