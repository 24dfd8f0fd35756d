"""Street scenes rendered on the CPU, with exact truth from instance masks."""
