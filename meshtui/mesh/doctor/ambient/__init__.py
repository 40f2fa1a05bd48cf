"""What an ambient mesh suffers from, by the numbers of doctor-rules.md, a module for each of its sections."""
