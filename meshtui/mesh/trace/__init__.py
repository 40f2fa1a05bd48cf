"""Why A does, or does not, reach B: every hop between them and what decides it (doctor-rules.md, G1)."""
