"""What a store holds, who needs it, and the removal of what nothing needs."""
