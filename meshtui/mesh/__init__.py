"""What an ambient mesh is: pure derivations over raw objects; no I/O."""
