"""What `istioctl analyze` finds, by its own rules and under its own codes (reference istioctl-analyze.md), a module for
each subject. Each analyzer has the name that `istioctl analyze --list-analyzers` shows."""
