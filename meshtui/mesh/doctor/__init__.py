"""The doctor: what is wrong with a mesh, by pure rules over a snapshot, with the evidence and the next step.

`examination.of` runs the analyzers, each of which applies some rules. Ambient rules are in `ambient`, by the numbers of
doctor-rules.md (AMB-…); `configuration` has what `istioctl analyze` finds, under its codes (istioctl-analyze.md, IST…).
"""
