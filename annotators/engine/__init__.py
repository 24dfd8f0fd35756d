"""The detector's forward pass on this machine, and the plain arithmetic around it."""
